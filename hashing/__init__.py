"""Image bytes to a canonical picture to signals.

This room exists so that the same bytes give the same signals everywhere. Its functions are pure:
no network, no files, no database. One module, `samelook.hashing.sandbox`, starts worker processes, because
hostile bytes may kill the process that decodes them.
"""
