from scheduling.places.identity import *
