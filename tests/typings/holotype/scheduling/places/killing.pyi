from scheduling.places.killing import *
