from scheduling.analysis.ledger import *
