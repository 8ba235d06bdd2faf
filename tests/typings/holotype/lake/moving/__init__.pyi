from lake.moving import *
