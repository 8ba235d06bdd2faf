from catalog.provenance.graph import *
