from lake.storing.assisted import *
