from lake.validate import *
