from lake.recent import *
