from lake.reading.opened import *
