from scheduling.declaring.expressions import *
