from lake.provenance.backups import *
