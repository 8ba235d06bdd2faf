from lake.capturing.watching import *
