from lake.chunkers import *
