from lake.sweep import *
