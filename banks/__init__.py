"""Banks: named lists of contents and their signals, and the rules by which curators change them.

This room exists so that every write to a bank by a person or a file is validated in one place, is durable
when it is acknowledged, and is seen by everybody who matches. What exchanges bring is written by
`exchanges.pages` and `exchanges.floods` themselves, with the checks of `signal_types` here: a page's
contents and signals are committed with the records and the checkpoint that it moves, or not at all. Everybody
sees these too, for the database notes each change of a content. It knows `matching` (the indexes that follow
it), `hashing` (what signals there are), `names` and `sql`; it knows nothing of HTTP.
"""
