from lake.forget import *
