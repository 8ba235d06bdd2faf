from catalog.provenance.spelling import *
