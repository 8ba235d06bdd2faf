from scheduling.places.keeping import *
