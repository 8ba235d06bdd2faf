from scheduling.running.attempts import *
