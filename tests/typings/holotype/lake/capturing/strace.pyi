from lake.capturing.strace import *
