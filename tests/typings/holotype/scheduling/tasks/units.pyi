from scheduling.tasks.units import *
