"""The HTTP routes of the service, one module a subject."""
