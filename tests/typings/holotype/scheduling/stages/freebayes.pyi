from scheduling.stages.freebayes import *
