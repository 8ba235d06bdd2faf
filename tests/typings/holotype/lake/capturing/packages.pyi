from lake.capturing.packages import *
