from lake.collect import *
