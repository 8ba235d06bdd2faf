from lake.lineage import *
