from catalog.provenance.exchange.results import *
