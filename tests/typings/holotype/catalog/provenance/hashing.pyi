from catalog.provenance.hashing import *
