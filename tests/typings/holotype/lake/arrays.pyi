from lake.arrays import *
