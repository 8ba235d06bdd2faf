from lake.liveness import *
