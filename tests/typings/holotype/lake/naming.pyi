from lake.naming import *
