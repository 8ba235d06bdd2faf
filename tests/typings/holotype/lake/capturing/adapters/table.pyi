from lake.capturing.adapters.table import *
