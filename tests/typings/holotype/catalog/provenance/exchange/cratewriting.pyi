from catalog.provenance.exchange.cratewriting import *
