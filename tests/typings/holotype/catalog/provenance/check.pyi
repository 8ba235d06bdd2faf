from catalog.provenance.check import *
