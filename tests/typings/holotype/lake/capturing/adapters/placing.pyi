from lake.capturing.adapters.placing import *
