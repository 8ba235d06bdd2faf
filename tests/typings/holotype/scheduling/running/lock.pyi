from scheduling.running.lock import *
