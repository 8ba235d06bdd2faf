from catalog.provenance.meeting import *
