from lake.ledger import *
