from lake.capturing.environment import *
