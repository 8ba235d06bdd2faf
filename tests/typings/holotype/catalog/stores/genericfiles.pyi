from catalog.stores.genericfiles import *
