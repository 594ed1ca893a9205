"""Names of the web: hosts, sites, public suffixes, platforms, and which names cannot be public.

Every room that needs to know what a host or a site is asks here, so that no two of them can disagree.
This room imports nothing of the others and does no I/O.
"""
