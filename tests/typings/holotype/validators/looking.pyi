from validators.looking import *
