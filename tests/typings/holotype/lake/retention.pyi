from lake.retention import *
