from validators.streams.packed import *
