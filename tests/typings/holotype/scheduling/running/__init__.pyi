from . import attempts as attempts
from . import hand as hand
