"""From files to packs: what changed is read, cut, looked up and packed, by threads, helpers or workers elsewhere."""
