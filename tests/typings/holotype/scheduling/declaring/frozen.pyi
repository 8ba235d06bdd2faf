from scheduling.declaring.frozen import *
