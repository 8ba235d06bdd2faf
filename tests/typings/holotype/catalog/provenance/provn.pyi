from catalog.provenance.provn import *
