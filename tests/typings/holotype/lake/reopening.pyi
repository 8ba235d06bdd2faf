from lake.reopening import *
