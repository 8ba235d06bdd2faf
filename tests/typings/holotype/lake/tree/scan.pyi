from lake.tree.scan import *
