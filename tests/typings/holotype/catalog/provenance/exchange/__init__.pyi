from catalog.provenance.exchange import *
