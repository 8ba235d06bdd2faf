from scheduling.declaring.policies import *
