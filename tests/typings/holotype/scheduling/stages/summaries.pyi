from scheduling.stages.summaries import *
