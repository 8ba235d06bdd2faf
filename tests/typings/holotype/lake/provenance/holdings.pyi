from lake.provenance.holdings import *
