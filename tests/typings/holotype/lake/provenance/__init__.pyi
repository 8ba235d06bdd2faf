from lake.provenance import *
