from lake.capturing.git import *
