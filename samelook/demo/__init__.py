"""The demo: a bundled sample web, crawled and judged while one watches."""
