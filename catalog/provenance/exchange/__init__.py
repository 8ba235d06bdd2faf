"""Exchange: provenance as others write it, in and out, with what a format could not hold said in so many words."""
