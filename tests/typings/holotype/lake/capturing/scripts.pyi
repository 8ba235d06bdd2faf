from lake.capturing.scripts import *
