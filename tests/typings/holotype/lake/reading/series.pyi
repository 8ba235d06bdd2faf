from lake.reading.series import *
