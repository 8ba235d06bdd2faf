from catalog.provenance.recording import *
