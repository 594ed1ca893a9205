"""From rank lists to hashed favicons: queues, phases, the one HTTP fetcher, icon discovery.

This room exists to fetch what sites declare as their icons, politely and safely, and to keep
both what was found and what went wrong. It is the only room that talks to the outside world.
It knows `hashing` (pictures to signals) and `sql` (queries); it reads no environment variables.
"""
