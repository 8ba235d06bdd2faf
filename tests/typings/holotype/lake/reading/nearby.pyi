from lake.reading.nearby import *
