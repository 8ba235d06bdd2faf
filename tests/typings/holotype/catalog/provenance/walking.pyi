from catalog.provenance.walking import *
