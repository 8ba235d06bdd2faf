from lake.restoring import *
