from lake.capturing.machine import *
