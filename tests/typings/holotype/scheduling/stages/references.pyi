from scheduling.stages.references import *
