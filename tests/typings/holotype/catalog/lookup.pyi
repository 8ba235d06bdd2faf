from catalog.lookup import *
