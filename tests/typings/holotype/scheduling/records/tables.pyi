from scheduling.records.tables import *
