from lake.records.liveness import *
