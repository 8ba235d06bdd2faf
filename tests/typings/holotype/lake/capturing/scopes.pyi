from lake.capturing.scopes import *
