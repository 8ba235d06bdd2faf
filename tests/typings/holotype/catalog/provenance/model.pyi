from catalog.provenance.model import *
