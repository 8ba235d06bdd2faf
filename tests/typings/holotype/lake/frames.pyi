from lake.frames import *
