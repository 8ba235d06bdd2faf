from lake.uploading import *
