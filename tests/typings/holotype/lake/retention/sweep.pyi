from lake.retention.sweep import *
