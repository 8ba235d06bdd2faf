from lake.capturing.children import *
