"""Exchanges: signals that others share, fetched into banks of their own, and what is said back to them.

It exists so that a trust & safety team can join a sharing programme and forget about it: every source that
the threatexchange library knows, or an extension of it, is fetched on a schedule, page by page, each page
with its place in one transaction. The library is foreign code that talks to foreign servers, so it runs in
a process of its own that may hang, die or be killed at any moment (`worker`, started by `child`); this
side only writes what comes out of it. It may know banks, matching, hashing and sql, and nothing of HTTP
routes or the command line.

    async with open_pool(...) as pool:
        store = ExchangeStore(pool, settings)
        await store.create("PARTNERS", "local_file", {"filename": "hashes.csv", "signal_type": "pdq"})
        outcome = await fetch_once(pool, "PARTNERS", settings)   # one fetch to its end
        outcome.succeeded, outcome.up_to_date, outcome.error
"""
