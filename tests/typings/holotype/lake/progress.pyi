from lake.progress import *
