"""The front door: command line, settings, starting and stopping processes, embedded Postgres.

This room exists so that no other room has to know how the program is started. It may import
every room; no room imports it. Settings are read from the environment here, once, and handed
down as the frozen dataclasses that the rooms own.
"""
