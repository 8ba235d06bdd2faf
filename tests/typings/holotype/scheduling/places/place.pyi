from scheduling.places.place import *
