from catalog.provenance.exchange.package import *
