from lake.moving.histories import *
