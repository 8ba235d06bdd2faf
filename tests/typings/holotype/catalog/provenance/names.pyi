from catalog.provenance.names import *
