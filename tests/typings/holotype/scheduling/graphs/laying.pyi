from scheduling.graphs.laying import *
