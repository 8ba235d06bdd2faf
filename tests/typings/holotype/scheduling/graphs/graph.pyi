from scheduling.graphs.graph import *
