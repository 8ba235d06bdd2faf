from lake.capturing.remote import *
