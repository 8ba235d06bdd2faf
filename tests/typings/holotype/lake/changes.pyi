from lake.changes import *
