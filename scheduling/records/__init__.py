"""What is to be known of runs, as tables: while they run, and for ever after."""
