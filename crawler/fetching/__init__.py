"""The one HTTP client that talks to the public web, and everything that guards it."""
