from catalog.stores.hiding import *
