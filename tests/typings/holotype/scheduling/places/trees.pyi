from scheduling.places.trees import *
