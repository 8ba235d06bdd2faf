from catalog.provenance.exchange.prefixes import *
