from lake.lineage.notes import *
