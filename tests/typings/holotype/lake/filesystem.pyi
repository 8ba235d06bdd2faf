from lake.filesystem import *
