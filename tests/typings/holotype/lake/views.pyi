from lake.views import *
