"""The web pages of the service, rendered from templates that need nothing from elsewhere."""
