from lake.executing import *
