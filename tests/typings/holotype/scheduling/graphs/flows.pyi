from scheduling.graphs.flows import *
