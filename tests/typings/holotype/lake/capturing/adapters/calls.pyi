from lake.capturing.adapters.calls import *
