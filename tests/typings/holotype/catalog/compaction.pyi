from catalog.compaction import *
