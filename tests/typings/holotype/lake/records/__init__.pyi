from lake.records import *
