from scheduling.records.ordered import *
