from lake.reading import *
