"""Bytes as checks read them: unpacked, a block at a time, with what is wrong with the packing told on the way."""
