"""The sample web's rank list, in the format of Common Crawl's domain ranks, and its unranked sites."""

from __future__ import annotations

import gzip

from samelook.demo.sample_web.sites import SITES
from samelook.names.hosts import reversed_host

_HEADER = "#harmonicc_pos\t#harmonicc_val\t#pr_pos\t#pr_val\t#host_rev\t#n_hosts\n"


def rank_list() -> bytes:
    """A gzip file with a header and one line per ranked site, best first; the positions have gaps.

    The columns are those of https://commoncrawl.org/web-graphs; values fall with the position, as in the
    real lists, but mean nothing here.
    """
    lines = [_HEADER]
    ranked = sorted((site.rank, site.host) for site in SITES if site.rank is not None)
    for rank, host in ranked:
        harmonic = f"{3.6e7 / (1 + rank / 50_000) ** 0.5:.1f}"
        pagerank_position = rank + rank % 7
        hosts = 1 + 20_000 // (rank + 10)
        pagerank = f"{0.02 / pagerank_position:.12e}"
        lines.append(f"{rank}\t{harmonic}\t{pagerank_position}\t{pagerank}\t{reversed_host(host)}\t{hosts}\n")
    return gzip.compress("".join(lines).encode("ascii"), mtime=0)


def unranked_list() -> bytes:
    """The hosts that no rank list knows, one a line."""
    return "".join(f"{site.host}\n" for site in SITES if site.rank is None).encode("ascii")
