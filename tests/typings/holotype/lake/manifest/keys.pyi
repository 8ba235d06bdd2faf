from lake.manifest.keys import *
