from lake.inventory import *
