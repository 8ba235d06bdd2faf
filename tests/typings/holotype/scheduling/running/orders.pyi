from scheduling.running.orders import *
