from catalog.stores.patience import *
