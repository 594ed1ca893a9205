"""What a browser extension asks: is this site wearing another site's face?

This room holds the verdict (pure rules), trust on first use, reports and allowlists. It knows `facts` (what
is known of sites), `looks` (which are near), `hashing` and `names`, and nothing of how the crawl finds what
it stores.

Its parts, from the inside out: `likeness` says for each icon who else wears it, `verdict` decides, both
from facts alone; `judge` takes facts from `facts.gathering` and decides on them; `answers` reads what clients
send and renders what they get; `outbox` writes what follows from an answer.
"""
