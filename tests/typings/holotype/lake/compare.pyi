from lake.compare import *
