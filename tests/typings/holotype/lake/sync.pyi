from lake.sync import *
