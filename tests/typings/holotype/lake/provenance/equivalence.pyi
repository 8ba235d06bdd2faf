from lake.provenance.equivalence import *
