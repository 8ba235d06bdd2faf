from scheduling.running.folders import *
