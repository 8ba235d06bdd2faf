from catalog.provenance.times import *
