from scheduling.declaring.quantities import *
