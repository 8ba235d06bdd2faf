from scheduling.running.cache import *
