from scheduling.places.pool import *
