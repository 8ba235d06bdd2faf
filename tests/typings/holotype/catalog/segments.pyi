from catalog.segments import *
