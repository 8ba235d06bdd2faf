from lake.trash import *
