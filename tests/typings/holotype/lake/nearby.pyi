from lake.nearby import *
