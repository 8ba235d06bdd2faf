"""Trees of files as they lie on a disk: their paths and names, walked, and told apart from what they were before."""
