from lake.retention.sessions import *
