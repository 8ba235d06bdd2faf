from lake.capturing.events import *
