from catalog.provenance.exchange.rdfparsing import *
