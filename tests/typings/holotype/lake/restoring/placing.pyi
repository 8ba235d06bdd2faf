from lake.restoring.placing import *
