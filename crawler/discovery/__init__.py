"""From a page to the URLs of its icons."""
