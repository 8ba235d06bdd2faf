from lake.storing.uploading import *
