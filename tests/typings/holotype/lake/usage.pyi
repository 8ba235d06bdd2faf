from lake.usage import *
