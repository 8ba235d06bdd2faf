from lake.capturing.adapters import *
