from catalog.provenance.exchange.reading import *
