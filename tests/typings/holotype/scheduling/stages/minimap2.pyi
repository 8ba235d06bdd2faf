from scheduling.stages.minimap2 import *
