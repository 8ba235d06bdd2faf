from lake.placing import *
