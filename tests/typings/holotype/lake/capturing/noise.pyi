from lake.capturing.noise import *
