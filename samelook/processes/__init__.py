"""Child processes: started, supervised and stopped in one way."""
