from lake.context import *
