from scheduling.running.waiting import *
