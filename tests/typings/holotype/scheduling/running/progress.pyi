from scheduling.running.progress import *
