from validators.streams.lines import *
