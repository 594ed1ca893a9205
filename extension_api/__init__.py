"""What a browser extension asks: is this site wearing another site's face?

This room holds the verdict (pure rules), trust on first use, reports and allowlists, and their HTTP
routes. It knows `matching` (which looks are near), `hashing` (what a look is) and `sql` (where facts are
kept), and nothing of how the crawl finds what it stores: it reads the crawl's tables.

Its parts, from the inside out: `verdict` and `families` decide from facts alone; `sites` says what a site is;
`look_index` finds similar looks; `memory` and `lists` hold what is known, in memory; `keeper` turns what the
crawl found into numbered facts, `follower` brings them into memory; `judge` gathers the facts of a verdict,
`answers` and `routes` speak with clients.
"""
