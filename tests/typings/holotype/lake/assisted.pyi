from lake.assisted import *
