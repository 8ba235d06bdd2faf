from lake.index import *
