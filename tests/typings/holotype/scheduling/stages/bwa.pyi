from scheduling.stages.bwa import *
