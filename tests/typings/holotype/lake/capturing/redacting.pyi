from lake.capturing.redacting import *
