from scheduling.places.keeper import *
