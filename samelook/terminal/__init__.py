"""What people see at a terminal: progress, tables, logs, and errors in one line."""
