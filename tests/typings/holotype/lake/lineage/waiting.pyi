from lake.lineage.waiting import *
