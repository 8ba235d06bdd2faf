from catalog.stores.sftpwire import *
