from scheduling.checking.asking import *
