from validators.registry import *
