from validators.streams.codes import *
