from catalog.sealed import *
