from validators.genomics.digits import *
