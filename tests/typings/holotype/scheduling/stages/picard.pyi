from scheduling.stages.picard import *
