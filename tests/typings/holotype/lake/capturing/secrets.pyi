from lake.capturing.secrets import *
