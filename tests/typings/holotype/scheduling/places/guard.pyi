from scheduling.places.guard import *
