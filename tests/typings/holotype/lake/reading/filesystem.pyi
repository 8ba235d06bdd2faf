from lake.reading.filesystem import *
