from lake.filehistory import *
