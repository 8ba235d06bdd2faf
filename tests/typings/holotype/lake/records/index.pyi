from lake.records.index import *
