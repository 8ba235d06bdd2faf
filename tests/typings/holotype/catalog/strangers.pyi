from catalog.strangers import *
