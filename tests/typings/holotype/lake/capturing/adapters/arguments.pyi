from lake.capturing.adapters.arguments import *
