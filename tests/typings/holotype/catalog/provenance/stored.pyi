from catalog.provenance.stored import *
