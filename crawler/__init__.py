"""From rank lists to hashed favicons: queues, phases, the one HTTP fetcher, icon discovery.

This room exists to fetch what sites declare as their icons, politely and safely, and to keep
both what was found and what went wrong. Sites are asked by its fetcher alone, and rank lists are
downloaded here too. (Others talk to servers of their own: an exchange's process to its source,
`inspector.chat` to Discord, `matching.backends` to Milvus.)
It knows `hashing` (pictures to signals), `names` and `sql` (queries); it reads no environment variables.
"""
