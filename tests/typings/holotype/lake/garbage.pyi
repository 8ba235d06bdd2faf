from lake.garbage import *
