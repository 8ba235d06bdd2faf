"""What goes and what stays: the sessions of writers, garbage, and how it is taken away without losing anything."""
