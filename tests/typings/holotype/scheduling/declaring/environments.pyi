from scheduling.declaring.environments import *
