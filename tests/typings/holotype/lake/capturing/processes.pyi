from lake.capturing.processes import *
