from lake.diff import *
