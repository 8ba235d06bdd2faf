from catalog.provenance.keys import *
