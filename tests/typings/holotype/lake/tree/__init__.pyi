from lake.tree import *
