from catalog.stores.sftpsession import *
