from lake.snapshots import *
