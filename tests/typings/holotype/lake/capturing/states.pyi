from lake.capturing.states import *
