from catalog.provenance.links import *
