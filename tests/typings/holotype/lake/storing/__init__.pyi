from lake.storing import *
