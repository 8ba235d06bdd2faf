from lake.retention.garbage import *
