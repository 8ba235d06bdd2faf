from lake import *
