"""What fails around the service and the crawl, made to fail: `python -m bench.faults [--kills N] [NAME …]`.

Each scenario runs real processes against real servers and says what was acknowledged, what of it was lost or
there twice, how long it took to be well again by itself, and for how long /readyz said something untrue.
"""
