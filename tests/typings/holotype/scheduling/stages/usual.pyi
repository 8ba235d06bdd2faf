from scheduling.stages.usual import *
