from lake.manifest.cut import *
