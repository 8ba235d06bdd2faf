from lake.provenance.members import *
