"""The HTTP service: hashing, matching and curation as HMA speaks them, HMA-lite, health and metrics.

This room exists so that everything else can be used over HTTP. It turns requests into calls of the rooms
below (`banks`, `extension_api`, `crawler`, `matching`, `hashing`, `sql`) and their results and errors
into JSON; it decides who may call what, and nothing else.
"""
