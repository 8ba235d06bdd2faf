from lake.tree.naming import *
