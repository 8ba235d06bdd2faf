from lake.records.snapshots import *
