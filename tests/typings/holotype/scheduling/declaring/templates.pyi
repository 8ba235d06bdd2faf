from scheduling.declaring.templates import *
