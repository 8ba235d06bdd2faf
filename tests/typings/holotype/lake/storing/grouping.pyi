from lake.storing.grouping import *
