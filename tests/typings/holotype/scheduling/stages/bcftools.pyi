from scheduling.stages.bcftools import *
