from lake.records.views import *
