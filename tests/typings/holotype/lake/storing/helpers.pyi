from lake.storing.helpers import *
