from scheduling.stages.gatk import *
