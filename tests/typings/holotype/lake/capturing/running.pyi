from lake.capturing.running import *
