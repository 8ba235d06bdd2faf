from lake.verify import *
