from scheduling.records.folding import *
