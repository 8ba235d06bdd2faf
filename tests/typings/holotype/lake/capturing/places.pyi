from lake.capturing.places import *
