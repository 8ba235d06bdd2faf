from lake.retention.events import *
