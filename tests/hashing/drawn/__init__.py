"""Pictures of every kind that browsers and decoders disagree about, and what Chromium drew of them."""
