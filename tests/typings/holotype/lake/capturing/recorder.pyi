from lake.capturing.recorder import *
