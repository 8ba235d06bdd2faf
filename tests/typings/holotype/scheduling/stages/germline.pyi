from scheduling.stages.germline import *
