"""Rank lists: told apart by their bytes, read, and imported into `domains`."""
