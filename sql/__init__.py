"""Migrations, named queries in `.sql` files, and the connection pool.

This room exists so that every statement can be read, explained and tested as SQL. It knows
nothing of the other rooms; they ask it for queries by name.
"""
