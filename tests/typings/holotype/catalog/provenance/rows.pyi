from catalog.provenance.rows import *
