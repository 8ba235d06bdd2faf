from lake.grouping import *
