from scheduling.running.hand import *
