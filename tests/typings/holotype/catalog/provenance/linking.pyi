from catalog.provenance.linking import *
