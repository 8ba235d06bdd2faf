from catalog.provenance.exchange.documents import *
