from lake.arrayfiles import *
