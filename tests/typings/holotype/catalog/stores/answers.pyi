from catalog.stores.answers import *
