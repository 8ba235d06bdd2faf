"""What became of runs, in figures: what held them up, what was wasted, what a change would bring, and who used what."""
