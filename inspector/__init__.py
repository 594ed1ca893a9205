"""What operators ask of the database, and the faults that they put into it on purpose.

This room exists so that every question which the tables can answer has one place that answers it,
for the terminal and for chat alike: who wears which look, what failed, what waits, what needs a
person. It reads a live database in short read-only transactions and never slows the crawl. The only
thing it writes are injected errors, results and faults, all of them marked and all of them removable.

It knows the rooms below; it prints nothing and reads no environment.
"""
