from scheduling.stages.fastqc import *
