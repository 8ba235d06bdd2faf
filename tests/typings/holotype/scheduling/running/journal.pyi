from scheduling.running.journal import *
