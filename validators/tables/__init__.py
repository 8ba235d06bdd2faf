"""Tables: what they have to be, whether they are, how they drift, and the terms that may stand in them."""
