from catalog.provenance.checking import *
