from lake.storing.ledger import *
