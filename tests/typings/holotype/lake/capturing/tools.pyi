from lake.capturing.tools import *
