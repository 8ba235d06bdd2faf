from lake.moving.inventory import *
