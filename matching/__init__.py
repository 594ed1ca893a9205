"""Exact Hamming range search over hashes, and the live index that follows the database.

This room exists to answer one question fast: which stored hashes are within r bits of this one?
It knows `hashing` (what a signal is) and `sql` (where signals are kept).
"""
