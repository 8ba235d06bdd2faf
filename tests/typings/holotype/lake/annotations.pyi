from lake.annotations import *
