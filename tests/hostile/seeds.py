"""Good inputs that fuzzing begins with, made by code."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped]
import numpy as np
import zstandard
from PIL import Image

PAGE = b"""<!doctype html><html><head><meta charset=utf-8><base href="/a/"><title>t</title>
<link rel="icon" href="/i.png" sizes="32x32" media="(prefers-color-scheme: dark)">
<link rel="apple-touch-icon" href="t.png"><link rel=canonical href="//other.example.org/">
<link rel=manifest href=m.json><meta http-equiv=refresh content="0;url=/x">
<meta http-equiv="Content-Security-Policy" content="img-src 'self' *.example.net:8080/p"></head></html>"""
SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><defs><g id="a">
<path d="M0 0L9 9Z"/></g></defs>
<style>path{fill:#123;transform:rotate(3deg)}@media (prefers-color-scheme:dark){path{fill:red}}</style>
<use href="#a"/><text y="5">x</text></svg>"""
RANKS = (
    b"1,google.com\n2,bbc.co.uk\n3,example.org\n",
    b"GlobalRank,TldRank,Domain,TLD\n1,1,google.com,com\n2,2,facebook.com,com\n",
    b"#harmonicc_pos\t#harmonicc_val\t#pr_pos\t#pr_val\t#host_rev\t#n_hosts\n1\t3.3E7\t2\t0.01\tcom.facebook\t3\n",
    "b\u00fccher.example\nxn--bcher-kva.de\n".encode(),
)
LISTS = (
    b"hash,tags\n" + b"f" * 60 + b'0000,"a,b"\n',
    b"pdq " + b"f" * 60 + b'0000\n"' + b"0" * 32 + b'" - x - a,b\n',
    b'"' + b"f" * 64 + b'",2020-01-01,"tag"\n',
)
DOCUMENTS = (
    b'\x00{"icons":[{"src":"a.png","sizes":"48x48 any","purpose":"maskable any","type":"image/png"}]}',
    b'\x01<browserconfig><msapplication><tile><square70x70logo src="a.png"/></tile></msapplication>',
    b'\x02{"origins":["https://example.de","https://a.example.org"]}',
    b"\x03image/png;base64,iVBORw0KGgo=",
    b"\x04(min-width: 40em) and (not (hover)), print",
    b"\x04a=b; Path=/a; Secure; Max-Age=3; Expires=Wed, 21 Oct 2099 07:28:00 GMT",
    b"\x040; url='/next'",
    b"\x05User-agent: samelook\nDisallow: /a*b$\nAllow: /\nCrawl-delay: 3\nSitemap: /s.xml\n",
)
ANSWERS = (
    b"\x05HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"\x025\r\nhello\r\n3;x=y\r\nabc\r\n0\r\nX: y\r\n\r\n",
    b"\x01HTTP/1.0 302 Found\nLocation: /a\n folded\nContent-Length: 5\n\n",
)


def _pictures() -> list[bytes]:
    noise = Image.fromarray(np.random.default_rng(2).integers(0, 256, (12, 12, 3), dtype=np.uint8))
    made = [SVG]
    for image_format in ("PNG", "JPEG", "GIF", "WEBP", "ICO", "BMP"):
        for one in (noise, noise.quantize(8)) if image_format in {"PNG", "BMP", "GIF"} else (noise,):
            stored = io.BytesIO()
            one.save(stored, image_format)
            made.append(stored.getvalue())
    return made


def _bodies() -> list[bytes]:
    packers: list[Callable[[bytes], bytes]] = [
        gzip.compress,
        zlib.compress,
        brotli.compress,
        zstandard.compress,
        lambda data: brotli.compress(gzip.compress(data)),
    ]
    return [bytes([number]) + pack(PAGE) for number, pack in enumerate(packers)]


SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "page": lambda: [bytes([number]) + PAGE for number in range(4)],
    "documents": lambda: list(DOCUMENTS),
    "bodies": _bodies,
    "answers": lambda: list(ANSWERS),
    "pictures": _pictures,
    "rows": lambda: [
        bytes([kind, 6, 4, 15, 5]) + np.random.default_rng(kind).bytes(300) for kind in range(15)
    ],
    "ranks": lambda: list(RANKS),
    "lists": lambda: [bytes([number]) + text for number in range(4) for text in LISTS],
    "signals": lambda: [b"0f" * 32, b"0f" * 8, b"0f" * 16, b"-2094715651", b"pdq " + b"f" * 64],
    "json": lambda: [b'{"sites":[{"url":"https://a.example"}],"n":[1,2.5e3,true,null,"\\ud83d\\ude00"]}'],
    "names": lambda: [
        b"https://xn--bcher-kva.de./a?b#c",
        "b\u00fccher.co.uk".encode(),
        b"[::ffff:1.2.3.4]",
    ],
}
