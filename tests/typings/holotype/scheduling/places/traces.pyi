from scheduling.places.traces import *
