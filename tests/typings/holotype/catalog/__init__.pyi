from catalog import *
