-- Live indexes follow bank_content (0003). Nothing read the log of single signals any more, and each signal that was
-- added or removed paid for a row in it.

DROP TRIGGER log_added_signals ON signals;
DROP TRIGGER log_removed_signals ON signals;
DROP FUNCTION log_signal_changes();
DROP TABLE signal_changes;
DROP TABLE signal_log;
