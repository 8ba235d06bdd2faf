from validators.formats.identify import *
