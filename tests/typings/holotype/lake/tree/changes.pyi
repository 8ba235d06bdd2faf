from lake.tree.changes import *
