from lake.reading.content import *
