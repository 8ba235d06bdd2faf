from catalog.provenance.exchange.times import *
