from lake.helpers import *
