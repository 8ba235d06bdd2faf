from scheduling.checking.order import *
