from lake.content import *
