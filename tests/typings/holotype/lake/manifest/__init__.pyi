from lake.manifest import *
