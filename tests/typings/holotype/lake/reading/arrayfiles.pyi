from lake.reading.arrayfiles import *
