from catalog.provenance.vocabulary import *
