from lake.sessions import *
