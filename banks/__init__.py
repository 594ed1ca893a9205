"""Banks: named lists of contents and their signals, and the rules by which curators change them.

This room exists so that every write to a bank, by a person, a file or an exchange, is validated in one
place, is durable when it is acknowledged, and is seen by everybody who matches. It knows `matching`
(the indexes that follow it), `hashing` (what signals there are) and `sql`; it knows nothing of HTTP.
"""
