from catalog.stores.foreign import *
