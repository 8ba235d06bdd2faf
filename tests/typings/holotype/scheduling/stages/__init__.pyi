from scheduling.stages import *
