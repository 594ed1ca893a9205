"""CPU that finding the icons of a page costs, by size of the page; no network.

    python bench/discovery.py [FOLDER]

FOLDER holds recorded sites as JSON (default: ../shared/recordings, when there). Prints the best and
the median of 50 runs: character set, preparation, parsing and candidates together.
"""

from __future__ import annotations

import base64
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from samelook.crawler.discovery.charset import decode_page
from samelook.crawler.discovery.markup import passive
from samelook.crawler.discovery.page import parse_page

RUNS = 50


def synthetic_page(size: int, charset: str = "utf-8") -> bytes:
    """A page as shops and newspapers have them: head, scripts, many nested blocks."""
    head = (
        "<!DOCTYPE html><html lang=ru><head><title>Страница</title><meta name=viewport content=width>"
        "<link rel=icon href=/favicon.svg type=image/svg+xml><link rel=icon href=/favicon.ico sizes=32x32>"
        "<link rel=apple-touch-icon href=/touch.png><link rel=manifest href=/site.webmanifest>"
        "<link rel=stylesheet href=/main.css><script>window.data = {a: '</div>'};</script></head><body>"
    )
    block = (
        "<div class='card card--wide' data-id='{n}'><a href='/item/{n}?ref=list'>"
        "<img src='/i/{n}.webp' alt=''>"
        "<h3>Заголовок {n}</h3></a><p>Текст, который кто-то <b>читает</b> &amp; любит.</p>"
        "<ul><li>1<li>2</ul></div>\n"
    )
    parts = [head]
    length, number = len(head.encode(charset)), 0
    while length < size:
        text = block.format(n=number)
        parts.append(text)
        length += len(text.encode(charset))
        number += 1
    return "".join(parts).encode(charset)


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """Best and median milliseconds of CPU."""
    times = []
    for _ in range(RUNS):
        began = time.process_time_ns()
        work()
        times.append((time.process_time_ns() - began) / 1e6)
    return min(times), statistics.median(times)


def report(name: str, body: bytes, content_type: str | None, url: str) -> None:
    best, median = measured(lambda: parse_page(body, content_type, url))
    decode, _ = measured(lambda: decode_page(body, content_type))
    prepare, _ = measured(lambda: passive(body))
    icons = len(parse_page(body, content_type, url).icons)
    print(
        f"{name:38} {len(body) / 1000:8.1f} KB {best:8.2f} ms best {median:8.2f} ms median "
        f"(text {decode:.2f}, preparation {prepare:.2f}) {icons:3} icons"
    )


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2] / "shared" / "recordings")
    for size in (10_000, 50_000, 140_000, 500_000, 1_000_000):
        report(
            f"written, {size // 1000} KB",
            synthetic_page(size),
            "text/html; charset=utf-8",
            "https://a.example/",
        )
    report(
        "written, 140 KB, undeclared cp1251",
        synthetic_page(140_000, "cp1251"),
        "text/html",
        "https://a.example/",
    )
    for path in sorted(folder.glob("*.json")):
        for exchange in json.loads(path.read_text())["exchanges"]:
            body = base64.b64decode(exchange["body_b64"])
            content_type = exchange["headers"].get("content-type", "")
            if exchange["status"] == 200 and "html" in content_type:
                report(f"recorded, {path.stem}", body, content_type, exchange["url"])
                break


if __name__ == "__main__":
    main()
