from scheduling.archiving.following import *
