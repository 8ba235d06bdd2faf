from validators.genomics.hashing import *
