from lake.scan import *
