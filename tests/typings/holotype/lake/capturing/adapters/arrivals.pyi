from lake.capturing.adapters.arrivals import *
