from lake.search import *
