"""A small made-up web for trying Samelook: sixty-odd sites under the reserved names `.example` and `.test`.

Brands, sister sites, shared default icons, letters, impersonators, broken and hostile sites are
described in Python (`sites.SITES`), so that what a crawl must find is known by construction. Every
picture is drawn by this project. `server.sample_web_server` serves them, `ranks.rank_list` ranks them.
Nothing is fetched from anywhere, and only the standard library, Pillow and aiohttp are needed.
"""
