"""Postgres as the settings name it: a server of the operator's, or the embedded one."""
