from lake.capturing.seen import *
