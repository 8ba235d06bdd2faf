from scheduling import *
