from scheduling.stages.fastp import *
