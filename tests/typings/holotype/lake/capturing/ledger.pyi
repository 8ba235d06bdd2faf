from lake.capturing.ledger import *
