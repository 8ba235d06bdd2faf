from lake.capturing.files import *
