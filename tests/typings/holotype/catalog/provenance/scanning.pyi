from catalog.provenance.scanning import *
