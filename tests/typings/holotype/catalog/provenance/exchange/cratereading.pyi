from catalog.provenance.exchange.cratereading import *
