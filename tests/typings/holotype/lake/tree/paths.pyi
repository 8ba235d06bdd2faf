from lake.tree.paths import *
