from lake.packs import *
