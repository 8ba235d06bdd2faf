from lake.paths import *
