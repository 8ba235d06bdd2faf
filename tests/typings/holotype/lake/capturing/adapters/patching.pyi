from lake.capturing.adapters.patching import *
