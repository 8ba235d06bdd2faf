from scheduling.running.digests import *
