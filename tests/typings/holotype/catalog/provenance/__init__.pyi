from catalog.provenance import *
