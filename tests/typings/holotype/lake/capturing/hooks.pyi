from lake.capturing.hooks import *
