from lake.backup import *
