from scheduling.places.adopting import *
