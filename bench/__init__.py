"""One runnable benchmark for each claim: `python -m bench.NAME` prints a table, the peer beside us."""
