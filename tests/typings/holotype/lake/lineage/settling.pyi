from lake.lineage.settling import *
