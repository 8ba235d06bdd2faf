from catalog.provenance.tables import *
