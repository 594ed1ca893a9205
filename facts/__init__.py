"""Facts: what is known of sites, in memory and following the database.

Who shows which look since when, ranks, families, and what people stated. Verdicts are decided on what this
room gathers; it decides nothing itself. It knows looks, matching, hashing, names and sql.
"""
