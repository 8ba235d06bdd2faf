from scheduling.records.store import *
