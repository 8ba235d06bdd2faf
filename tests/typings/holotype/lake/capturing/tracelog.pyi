from lake.capturing.tracelog import *
