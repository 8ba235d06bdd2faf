from scheduling.stages.samtools import *
