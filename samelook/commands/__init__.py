"""One module a command group. Heavy imports happen inside the functions: `--help` stays fast."""
