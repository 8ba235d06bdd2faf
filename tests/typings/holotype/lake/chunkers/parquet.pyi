from lake.chunkers.parquet import *
