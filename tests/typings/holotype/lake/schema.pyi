from lake.schema import *
