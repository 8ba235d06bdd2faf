from lake.capturing.identity import *
