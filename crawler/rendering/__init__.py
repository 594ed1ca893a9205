"""Pages as scripts make them, by a Chromium without a network that is handed what our fetcher fetched."""
