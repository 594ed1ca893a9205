"""Answers as servers break them, a kind each, and the icon that Chromium 156 shows for each.

Recorded from Chromium, which `test_chromium.py` asks again where it is installed. Every page links to
/red.png in its head; /favicon.ico is there as well, and nothing else.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped]  # ships no types
import zstandard

Answer = bytes | Callable[[bytes], bytes]
"""What is sent, or makes it of the request's head."""

P = b'<!doctype html><title>t</title><link rel="icon" href="/red.png"><p>x'
L = len(P)
CL = b"Content-Length: %d" % L
TE = b"Transfer-Encoding: chunked"


def r(*lines: bytes, body: bytes = P, eol: bytes = b"\r\n", status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    """An answer with these header lines."""
    return eol.join([status, b"Content-Type: text/html", *lines]) + eol * 2 + body


def chunked(body: bytes = P, eol: bytes = b"\r\n", end: bytes = b"0\r\n\r\n") -> bytes:
    return b"%x" % len(body) + eol + body + eol + end


def red(*lines: bytes, status: bytes = b"HTTP/1.1 302 Found", body: bytes = b"") -> bytes:
    return b"\r\n".join([status, *lines, b"Content-Length: %d" % len(body)]) + b"\r\n\r\n" + body


def e(coding: bytes, body: bytes, *more: bytes) -> bytes:
    return r(b"Content-Encoding: " + coding, b"Content-Length: %d" % len(body), *more, body=body)


CASES: dict[str, Answer | dict[str, Answer]] = {}
"""By the first label of the host: the answer at `/`, or at each path."""
# bodies and lengths
CASES["cl-short-body-longer"] = r(b"Content-Length: %d" % L, body=P + b"<p>more")
CASES["cl-cuts-link"] = r(b"Content-Length: 20")
CASES["cl-short-junk"] = r(b"Content-Length: %d" % L, body=P + b"\r\n\r\n")
CASES["cl-longer-than-body"] = r(b"Content-Length: %d" % (L + 50))
CASES["cl-and-chunked"] = r(CL, TE, body=chunked())
CASES["cl-wrong-and-chunked"] = r(b"Content-Length: 5", TE, body=chunked())
CASES["chunked-and-cl-after"] = r(TE, b"Content-Length: 9999", body=chunked())
CASES["cl-twice-equal"] = r(CL, CL)
CASES["cl-comma-equal"] = r(b"Content-Length: %d, %d" % (L, L))
CASES["cl-twice-differ"] = r(CL, b"Content-Length: 10")
CASES["cl-comma-differ"] = r(b"Content-Length: %d, 10" % L)
CASES["cl-plus"] = r(b"Content-Length: +%d" % L)
CASES["cl-minus"] = r(b"Content-Length: -%d" % L)
CASES["cl-empty"] = r(b"Content-Length:")
CASES["cl-blank"] = r(b"Content-Length: ")
CASES["cl-word"] = r(b"Content-Length: abc")
CASES["cl-hex"] = r(b"Content-Length: 0x44")
CASES["cl-trailing-junk"] = r(b"Content-Length: %d;" % L)
CASES["cl-float"] = r(b"Content-Length: %d.0" % L)
CASES["cl-huge"] = r(b"Content-Length: 99999999999999999999999")
CASES["cl-underscored"] = r(b"Content-Length: %d_0" % (L // 10))
CASES["cl-zero-with-body"] = r(b"Content-Length: 0")
CASES["no-cl"] = r()
# chunks
CASES["te-plain"] = r(TE, body=chunked())
CASES["te-lf-sizes"] = r(TE, body=chunked(eol=b"\n", end=b"0\n\n"))
CASES["te-lf-size-crlf-data"] = r(TE, body=b"%x\n" % L + P + b"\r\n0\r\n\r\n")
CASES["te-junk-behind-last"] = r(TE, body=chunked(end=b"0\r\n\r\njunk junk"))
CASES["te-no-last"] = r(TE, body=chunked(end=b""))
CASES["te-last-without-blank"] = r(TE, body=chunked(end=b"0\r\n"))
CASES["te-last-bare-zero"] = r(TE, body=chunked(end=b"0"))
CASES["te-trailers"] = r(TE, body=chunked(end=b"0\r\nX-T: 1\r\n\r\n"))
CASES["te-bad-trailers"] = r(TE, body=chunked(end=b"0\r\nno colon here\r\n\r\n"))
CASES["te-ext"] = r(TE, body=b"%x;a=b\r\n" % L + P + b"\r\n0\r\n\r\n")
CASES["te-ext-quoted"] = r(TE, body=b'%x;a="b;c"\r\n' % L + P + b"\r\n0\r\n\r\n")
CASES["te-size-spaces-after"] = r(TE, body=b"%x   \r\n" % L + P + b"\r\n0\r\n\r\n")
CASES["te-size-spaces-before"] = r(TE, body=b"  %x\r\n" % L + P + b"\r\n0\r\n\r\n")
CASES["te-size-tab-after"] = r(TE, body=b"%x\t\r\n" % L + P + b"\r\n0\r\n\r\n")
CASES["te-size-0x"] = r(TE, body=b"0x%x\r\n" % L + P + b"\r\n0\r\n\r\n")
CASES["te-size-minus"] = r(TE, body=b"-%x\r\n" % L + P + b"\r\n0\r\n\r\n")
CASES["te-size-leading-zeros"] = r(TE, body=b"0000000000%x\r\n" % L + P + b"\r\n0\r\n\r\n")
CASES["te-size-huge-zeros"] = r(TE, body=b"0" * 40 + b"%x\r\n" % L + P + b"\r\n0\r\n\r\n")
CASES["te-size-overflow"] = r(TE, body=b"fffffffffffffffff\r\n" + P + b"\r\n0\r\n\r\n")
CASES["te-size-empty"] = r(TE, body=b"\r\n" + P + b"\r\n0\r\n\r\n")
CASES["te-size-word"] = r(TE, body=b"xyz\r\n" + P + b"\r\n0\r\n\r\n")
CASES["te-not-chunked-at-all"] = r(TE)
CASES["te-chunk-data-no-crlf"] = r(TE, body=b"%x\r\n" % L + P + b"0\r\n\r\n")
CASES["te-chunk-data-junk-crlf"] = r(TE, body=b"%x\r\n" % L + P + b"zz\r\n0\r\n\r\n")
CASES["te-extra-crlf-before-size"] = r(TE, body=b"\r\n%x\r\n" % L + P + b"\r\n0\r\n\r\n")
CASES["te-second-chunk-cut"] = r(TE, body=b"%x\r\n" % L + P + b"\r\nff\r\nabc")
CASES["te-second-chunk-bad"] = r(TE, body=b"%x\r\n" % L + P + b"\r\nzz\r\nabc")
CASES["te-upper"] = r(b"TRANSFER-ENCODING: Chunked", body=chunked())
CASES["te-twice"] = r(TE, TE, body=chunked())
CASES["te-comma-twice"] = r(b"Transfer-Encoding: chunked, chunked", body=chunked())
CASES["te-gzip-chunked"] = r(b"Transfer-Encoding: gzip, chunked", body=chunked(gzip.compress(P)))
CASES["te-identity"] = r(b"Transfer-Encoding: identity", CL)
CASES["te-identity-chunked"] = r(b"Transfer-Encoding: identity, chunked", body=chunked())
CASES["te-unknown"] = r(b"Transfer-Encoding: foo", CL)
CASES["te-http10"] = r(TE, body=chunked(), status=b"HTTP/1.0 200 OK")
CASES["te-space-value"] = r(b"Transfer-Encoding:  chunked ", body=chunked())
CASES["te-quoted"] = r(b'Transfer-Encoding: "chunked"', body=chunked())
CASES["te-header-no-body"] = r(TE, body=b"")
# header lines
CASES["h-space-before-colon"] = r(b"X-A : b", CL)
CASES["h-cl-space-before-colon"] = r(b"Content-Length : %d" % L)
CASES["h-ct-space-before-colon"] = b"HTTP/1.1 200 OK\r\nContent-Type : text/html\r\n\r\n" + P
CASES["h-no-colon"] = r(b"this is no header", CL)
CASES["h-no-colon-first"] = b"HTTP/1.1 200 OK\r\nno colon\r\nContent-Type: text/html\r\n\r\n" + P
CASES["h-empty-name"] = r(b": value", CL)
CASES["h-name-spaces"] = r(b"My Header: v", CL)
CASES["h-name-paren"] = r(b"X(1): v", CL)
CASES["h-name-at"] = r(b"X@Y: v", CL)
CASES["h-name-slash"] = r(b"a/b: v", CL)
CASES["h-name-brackets"] = r(b"[x]: v", CL)
CASES["h-name-umlaut"] = r("Grüße: v".encode(), CL)
CASES["h-name-latin1"] = r(b"Gr\xfc\xdfe: v", CL)
CASES["h-name-quote"] = r(b'"X": v', CL)
CASES["h-name-eq"] = r(b"a=b: v", CL)
CASES["h-value-ctl"] = r(b"X-A: a\x01b", CL)
CASES["h-value-del"] = r(b"X-A: a\x7fb", CL)
CASES["h-value-nul"] = r(b"X-A: a\x00b", CL)
CASES["h-name-nul"] = r(b"X\x00A: ab", CL)
CASES["h-value-latin1"] = r(b"X-A: \xe4\xf6", CL)
CASES["h-value-utf8"] = r("X-A: äöü".encode(), CL)
CASES["h-value-cr"] = r(b"X-A: a\rb", CL)
CASES["h-obs-fold"] = r(b"X-A: one\r\n two", CL)
CASES["h-obs-fold-tab"] = r(b"X-A: one\r\n\ttwo", CL)
CASES["h-obs-fold-ct"] = b"HTTP/1.1 200 OK\r\nContent-Type:\r\n text/html\r\n\r\n" + P
CASES["h-obs-fold-csp"] = r(b"Content-Security-Policy: default-src *;\r\n  img-src *", CL)
CASES["h-obs-fold-first"] = b"HTTP/1.1 200 OK\r\n X: leading\r\nContent-Type: text/html\r\n\r\n" + P
CASES["h-lf-only"] = r(CL, eol=b"\n")
CASES["h-lf-mixed"] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\nX: y\r\n\n" + P
CASES["h-lf-end"] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\n" + P
CASES["h-cr-only"] = r(CL, eol=b"\r")
CASES["h-crcrlf"] = r(CL, eol=b"\r\r\n")
CASES["h-127"] = r(*[b"X-H%d: v" % i for i in range(126)], CL)
CASES["h-128"] = r(*[b"X-H%d: v" % i for i in range(127)], CL)
CASES["h-200"] = r(*[b"X-H%d: v" % i for i in range(200)], CL)
CASES["h-1000"] = r(*[b"X-H%d: v" % i for i in range(1000)], CL)
CASES["h-cookies-150"] = r(*[b"Set-Cookie: a%d=%d" % (i, i) for i in range(150)], CL)
CASES["h-10k-line"] = r(b"X-A: " + b"a" * 10_000, CL)
CASES["h-70k-line"] = r(b"X-A: " + b"a" * 70_000, CL)
CASES["h-100k-lines"] = r(*[b"X-A%d: " % i + b"a" * 1000 for i in range(100)], CL)
CASES["h-250k-lines"] = r(*[b"X-A%d: " % i + b"a" * 1000 for i in range(250)], CL)
CASES["h-300k-lines"] = r(*[b"X-A%d: " % i + b"a" * 1000 for i in range(300)], CL)
CASES["h-ct-twice"] = r(b"Content-Type: text/html; charset=utf-8", CL)
CASES["h-ct-empty-twice"] = r(b"Content-Type:", CL)
CASES["h-no-headers"] = b"HTTP/1.1 200 OK\r\n\r\n" + P
CASES["h-ends-in-headers"] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
CASES["h-leading-crlf"] = b"\r\n" + r(CL)
CASES["h-leading-junk4"] = b"abc\n" + r(CL)
CASES["h-upgrade"] = r(b"Upgrade: h2,h2c", b"Connection: Upgrade, Keep-Alive", CL)
CASES["h-connection-junk"] = r(b"Connection: foo, ,,bar", CL)
CASES["h-http-line-again"] = r(b"HTTP/1.1 200 OK", CL)
CASES["h-no-space"] = r(b"X-A:b", b"Content-Length:%d" % L)
# status lines
for n, s in {
    "http2": b"HTTP/2 200",
    "http2-0": b"HTTP/2.0 200 OK",
    "http3": b"HTTP/3 200 OK",
    "http1": b"HTTP/1 200 OK",
    "lower": b"http/1.1 200 OK",
    "mixed": b"Http/1.1 200 OK",
    "no-reason": b"HTTP/1.1 200",
    "no-reason-blank": b"HTTP/1.1 200 ",
    "two-spaces": b"HTTP/1.1  200 OK",
    "tab": b"HTTP/1.1\t200\tOK",
    "no-version": b"HTTP 200 OK",
    "slash-only": b"HTTP/ 200 OK",
    "http12": b"HTTP/1.2 200 OK",
    "http09": b"HTTP/0.9 200 OK",
    "http10": b"HTTP/1.0 200 OK",
    "http11long": b"HTTP/1.10 200 OK",
    "code2": b"HTTP/1.1 20 OK",
    "code4": b"HTTP/1.1 2000 OK",
    "code-word": b"HTTP/1.1 OK",
    "code-none": b"HTTP/1.1",
    "code-glued": b"HTTP/1.1 200OK",
    "code-dash": b"HTTP/1.1 -200 OK",
    "code999": b"HTTP/1.1 999 Odd",
    "code600": b"HTTP/1.1 600 Odd",
    "code0": b"HTTP/1.1 000 Odd",
    "code099": b"HTTP/1.1 099 Odd",
    "icy": b"ICY 200 OK",
    "reason-utf8": "HTTP/1.1 200 Très bien".encode(),
    "reason-latin1": b"HTTP/1.1 200 Tr\xe8s bien",
    "reason-ctl": b"HTTP/1.1 200 O\x01K",
    "leading-space": b" HTTP/1.1 200 OK",
    "leading-3": b"xyzHTTP/1.1 200 OK",
    "leading-5": b"vwxyzHTTP/1.1 200 OK",
    "code203": b"HTTP/1.1 203 x",
    "code206": b"HTTP/1.1 206 x",
    "code304": b"HTTP/1.1 304 x",
    "code204": b"HTTP/1.1 204 x",
    "code205": b"HTTP/1.1 205 x",
    "code404": b"HTTP/1.1 404 x",
    "code500": b"HTTP/1.1 500 x",
    "code403": b"HTTP/1.1 403 x",
    "code451": b"HTTP/1.1 451 x",
    "code300": b"HTTP/1.1 300 x",
    "code305": b"HTTP/1.1 305 x",
    "code306": b"HTTP/1.1 306 x",
    "noslash-digits": b"HTTP1.1 200 OK",
    "shtp": b"SHTTP/1.1 200 OK",
}.items():
    CASES["s-" + n] = r(CL, status=s)
CASES["s-bare-html"] = P
CASES["s-100-first"] = b"HTTP/1.1 100 Continue\r\n\r\n" + r(CL)
CASES["s-103-first"] = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" + r(CL)
CASES["s-102-twice"] = b"HTTP/1.1 102 Processing\r\n\r\n" * 2 + r(CL)
CASES["s-100-then-no-head"] = b"HTTP/1.1 100 Continue\r\n\r\n" + P
CASES["s-101"] = r(CL, status=b"HTTP/1.1 101 Switching Protocols")
CASES["s-empty"] = b""
# redirects
PG = r(CL)
CASES["r-empty-location"] = red(b"Location:", b"Content-Type: text/html", body=P)
CASES["r-blank-location"] = red(b"Location:  ", b"Content-Type: text/html", body=P)
CASES["r-no-location"] = red(b"Content-Type: text/html", body=P)
CASES["r-301-no-location"] = red(b"Content-Type: text/html", body=P, status=b"HTTP/1.1 301 Moved")
CASES["r-relative"] = {"/": red(b"Location: x"), "/x": PG}
CASES["r-two-locations-equal"] = {"/": red(b"Location: /x", b"Location: /x"), "/x": PG}
CASES["r-two-locations-differ"] = {"/": red(b"Location: /x", b"Location: /y"), "/x": PG, "/y": r()}
CASES["r-space-in-location"] = {"/": red(b"Location: /a b"), "/a%20b": PG}
CASES["r-utf8-location"] = {"/": red("Location: /ä".encode()), "/%C3%A4": PG}
CASES["r-latin1-location"] = {"/": red(b"Location: /\xe4"), "/%E4": PG}
CASES["r-backslash"] = {"/": red(b"Location: \\x"), "/x": PG}
CASES["r-fold-location"] = {"/": red(b"Location:\r\n /x"), "/x": PG}
CASES["r-quoted-location"] = {"/": red(b'Location: "/x"'), "/%22/x%22": PG}
CASES["r-location-space-colon"] = {"/": red(b"Location : /x"), "/x": PG}
CASES["r-no-length-body"] = {"/": b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\nmoved", "/x": PG}
CASES["r-cl-wrong"] = {
    "/": b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: +9\r\nContent-Length: 10\r\n\r\n",
    "/x": PG,
}
CASES["r-300-location"] = {
    "/": red(b"Location: /x", b"Content-Type: text/html", status=b"HTTP/1.1 300 M", body=P),
    "/x": r(),
}
CASES["r-304-location"] = {"/": red(b"Location: /x", status=b"HTTP/1.1 304 M"), "/x": PG}
CASES["r-201-location"] = {
    "/": red(b"Location: /x", b"Content-Type: text/html", status=b"HTTP/1.1 201 M", body=P),
    "/x": r(),
}
CASES["r-refresh-header"] = {
    "/": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nRefresh: 0;url=/x\r\n\r\n",
    "/x": PG,
}
CASES["r-self-cookie"] = {
    "/": lambda h: r(CL) if b"seen=1" in h else red(b"Location: /", b"Set-Cookie: seen=1")
}
CASES["r-self-cookie-path"] = {
    "/": lambda h: r(CL) if b"seen=1" in h else red(b"Location: /x"),
    "/x": red(b"Set-Cookie: seen=1; Path=/", b"Location: /"),
}
# codings
g = gzip.compress(P)
z = zlib.compress(P)
raw = zlib.compress(P)[2:-4]
b = brotli.compress(P)
s = zstandard.compress(P)
BIG = P + b"".join(b"<p>%d</p>" % (i * 7919 % 10007) for i in range(20_000))
gb = gzip.compress(BIG)
bb = brotli.compress(BIG, quality=4)
sb = zstandard.compress(BIG)
CASES["e-gzip"] = e(b"gzip", g)
CASES["e-gzip-no-trailer"] = e(b"gzip", g[:-8])
CASES["e-gzip-half-trailer"] = e(b"gzip", g[:-4])
CASES["e-gzip-bad-crc"] = e(b"gzip", g[:-8] + b"\0" * 8)
CASES["e-gzip-bad-isize"] = e(b"gzip", g[:-4] + b"\xff" * 4)
CASES["e-gzip-cut"] = e(b"gzip", g[:-12])
CASES["e-gzip-cut-big"] = e(b"gzip", gb[: len(gb) // 2])
CASES["e-gzip-cut-no-cl"] = r(b"Content-Encoding: gzip", body=gb[: len(gb) // 2])
CASES["e-gzip-cut-chunked"] = r(b"Content-Encoding: gzip", TE, body=chunked(gb[: len(gb) // 2]))
CASES["e-gzip-cut-cl-longer"] = r(
    b"Content-Encoding: gzip", b"Content-Length: %d" % len(gb), body=gb[: len(gb) // 2]
)
CASES["e-gzip-corrupt-late"] = e(b"gzip", gb[: len(gb) // 2] + b"\xff" * 400 + gb[len(gb) // 2 + 400 :])
CASES["e-gzip-corrupt-early"] = e(b"gzip", g[:12] + b"\xff" * 30)
CASES["e-gzip-junk-behind"] = e(b"gzip", g + b"junk" * 10)
CASES["e-gzip-zeros-behind"] = e(b"gzip", g + b"\0" * 512)
CASES["e-gzip-second-member"] = e(b"gzip", gzip.compress(b"<!doctype html><title>a</title>") + g)
CASES["e-gzip-second-member-icon"] = e(b"gzip", g + gzip.compress(b"<link rel=icon href=/second.png>"))
CASES["e-gzip-empty-first-member"] = e(b"gzip", gzip.compress(b"") + g)
CASES["e-gzip-header-only"] = e(b"gzip", g[:10])
CASES["e-gzip-header-cut"] = e(b"gzip", g[:5])
CASES["e-gzip-empty"] = e(b"gzip", b"")
CASES["e-gzip-plain-body"] = e(b"gzip", P)
CASES["e-gzip-leading-byte"] = e(b"gzip", b"\n" + g)
CASES["e-gzip-fname"] = e(b"gzip", b"\x1f\x8b\x08\x08\0\0\0\0\0\x03name.html\0" + raw + g[-8:])
CASES["e-gzip-fhcrc-bad"] = e(b"gzip", b"\x1f\x8b\x08\x02\0\0\0\0\0\x03\xff\xff" + raw + g[-8:])
CASES["e-gzip-reserved-flag"] = e(b"gzip", b"\x1f\x8b\x08\xe0\0\0\0\0\0\x03" + raw + g[-8:])
CASES["e-gzip-method9"] = e(b"gzip", b"\x1f\x8b\x09\0\0\0\0\0\0\x03" + raw + g[-8:])
CASES["e-gzip-is-zlib"] = e(b"gzip", z)
CASES["e-gzip-is-br"] = e(b"gzip", b)
CASES["e-x-gzip"] = e(b"x-gzip", g)
CASES["e-gzip-upper"] = e(b"GZIP", g)
CASES["e-gzip-twice-label"] = e(b"gzip, gzip", g)
CASES["e-gzip-twice"] = e(b"gzip, gzip", gzip.compress(g))
CASES["e-gzip-two-headers"] = e(b"gzip", gzip.compress(g), b"Content-Encoding: gzip")
CASES["e-gzip-trailing-comma"] = e(b"gzip,", g)
CASES["e-gzip-quoted"] = e(b'"gzip"', g)
CASES["e-gzip-param"] = e(b"gzip;q=1", g)
CASES["e-four-codings"] = e(b"gzip, gzip, gzip, gzip", gzip.compress(gzip.compress(gzip.compress(g))))
CASES["e-gzip-br"] = e(b"gzip, br", brotli.compress(g))
CASES["e-br-gzip"] = e(b"br, gzip", gzip.compress(b))
CASES["e-gzip-br-cut-inner"] = e(b"gzip, br", brotli.compress(g[:-8]))
CASES["e-deflate"] = e(b"deflate", z)
CASES["e-deflate-raw"] = e(b"deflate", raw)
CASES["e-deflate-bad-adler"] = e(b"deflate", z[:-4] + b"\0\0\0\0")
CASES["e-deflate-no-adler"] = e(b"deflate", z[:-4])
CASES["e-deflate-cut"] = e(b"deflate", z[:-8])
CASES["e-deflate-gzip-data"] = e(b"deflate", g)
CASES["e-deflate-junk-behind"] = e(b"deflate", z + b"xxxx")
CASES["e-deflate-plain-body"] = e(b"deflate", P)
CASES["e-deflate-second-stream"] = e(b"deflate", zlib.compress(b"<title>a</title>") + z)
CASES["e-br"] = e(b"br", b)
CASES["e-br-cut"] = e(b"br", b[:-6])
CASES["e-br-cut-big"] = e(b"br", bb[: len(bb) // 2])
CASES["e-br-last-byte"] = e(b"br", b[:-1])
CASES["e-br-junk-behind"] = e(b"br", b + b"junkjunk")
CASES["e-br-second"] = e(b"br", brotli.compress(b"<title>a</title>") + b)
CASES["e-br-plain-body"] = e(b"br", P)
CASES["e-br-corrupt-late"] = e(b"br", bb[: len(bb) // 2] + b"\xff" * 4000)
CASES["e-zstd"] = e(b"zstd", s)
CASES["e-zstd-cut"] = e(b"zstd", s[:-6])
CASES["e-zstd-cut-big"] = e(b"zstd", sb[: len(sb) // 2])
CASES["e-zstd-no-checksum-byte"] = e(b"zstd", s[:-1])
sc = zstandard.ZstdCompressor(write_checksum=True).compress(P)
CASES["e-zstd-bad-checksum"] = e(b"zstd", sc[:-4] + b"\0\0\0\0")
CASES["e-zstd-no-checksum"] = e(b"zstd", sc[:-4])
CASES["e-zstd-junk-behind"] = e(b"zstd", s + b"junkjunk")
CASES["e-zstd-second-frame"] = e(b"zstd", zstandard.compress(b"<!doctype html><title>a</title>") + s)
CASES["e-zstd-empty-first-frame"] = e(b"zstd", zstandard.compress(b"") + s)
CASES["e-zstd-skippable-first"] = e(b"zstd", b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + s)
CASES["e-zstd-plain-body"] = e(b"zstd", P)
big_window = zstandard.ZstdCompressor(
    compression_params=zstandard.ZstdCompressionParameters(window_log=24)
).compressobj()
CASES["e-zstd-window-16m"] = e(b"zstd", big_window.compress(P) + big_window.flush())
CASES["e-identity"] = e(b"identity", P)
CASES["e-utf8"] = e(b"utf-8", P)
CASES["e-none-gzip"] = e(b"none, gzip", g)
CASES["e-unknown-gzip"] = e(b"foo, gzip", g)
CASES["e-gzip-unknown"] = e(b"gzip, foo", g)
CASES["e-compress"] = e(b"compress", P)
CASES["e-unlabelled-gzip"] = r(b"Content-Length: %d" % len(g), body=g)
CASES["e-empty-header"] = e(b"", P)
CASES["e-many-empty-gzip-members"] = e(b"gzip", g + gzip.compress(b"") * 1000)
CASES["e-gzip-identity"] = e(b"gzip, identity", g)
CASES["te-chunked-then-more"] = r(b"Transfer-Encoding: chunked, foo", body=chunked())
CASES["te-http09"] = r(TE, body=chunked(), status=b"HTTP/0.9 200 OK")
CASES["cl-one-too-many"] = r(b"Content-Length: 9223372036854775808")
CASES["s-reason-nul"] = r(CL, status=b"HTTP/1.1 200 O\0K")
CASES["s-leading-nul"] = b"\0" + r(CL)
# other content types
for n, s, b in (
    ("none-no-tag", b"", b"<link rel=icon href=/red.png>"), ("none-far", b"", b" " * 600 + P),
    ("none-nosniff", b"X-Content-Type-Options: nosniff", P), ("text-star", b"Content-Type: text/*", P),
):  # fmt: skip
    CASES["t-" + n] = b"\r\n".join([b"HTTP/1.1 200 OK", s or b"X: y", b"", b])
CASES["t-none"] = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % L + P
CASES["t-plain"] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % L + P
CASES["t-xhtml"] = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/xhtml+xml\r\n\r\n"
    b"<html xmlns='http://www.w3.org/1999/xhtml'><head><title>t</title>"
    b"<link rel='icon' href='/red.png'/></head></html>"
)
CASES["t-junk"] = b"HTTP/1.1 200 OK\r\nContent-Type: html\r\nContent-Length: %d\r\n\r\n" % L + P
CASES["t-cut-mid-header-then-close"] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Foo: b"

SHOWS_FAVICON_ICO: frozenset[str] = frozenset(
    """
    cl-cuts-link cl-zero-with-body te-gzip-chunked te-http10 te-quoted h-cr-only h-crcrlf
    h-ends-in-headers s-icy s-leading-5 e-gzip-corrupt-early e-gzip-second-member
    e-gzip-empty-first-member e-gzip-header-only e-gzip-header-cut e-gzip-empty e-gzip-trailing-comma
    e-deflate-second-stream e-br-cut e-br-second e-zstd-cut e-zstd-cut-big e-none-gzip e-unknown-gzip
    e-gzip-unknown e-unlabelled-gzip t-plain t-cut-mid-header-then-close e-gzip-identity te-http09
    t-none-no-tag t-none-far t-none-nosniff t-text-star
    """.split()  # noqa: SIM905 - shorter to read
)

SHOWS_NOTHING: frozenset[str] = frozenset(
    """
    cl-longer-than-body cl-twice-differ cl-comma-differ te-no-last te-last-without-blank
    te-last-bare-zero te-size-spaces-before te-size-tab-after te-size-0x te-size-minus
    te-size-overflow te-size-empty te-size-word te-not-chunked-at-all te-chunk-data-no-crlf
    te-chunk-data-junk-crlf te-extra-crlf-before-size te-second-chunk-cut te-second-chunk-bad
    te-header-no-body h-value-nul h-name-nul h-300k-lines s-code304 s-code204 s-code205 s-101 s-empty
    r-two-locations-differ r-cl-wrong r-304-location e-gzip-cut-cl-longer e-gzip-plain-body
    e-gzip-leading-byte e-gzip-method9 e-gzip-is-zlib e-gzip-is-br e-gzip-twice-label e-gzip-quoted
    e-gzip-param e-deflate-bad-adler e-deflate-gzip-data e-deflate-plain-body e-br-plain-body
    e-br-corrupt-late e-zstd-bad-checksum e-zstd-junk-behind e-zstd-plain-body e-zstd-window-16m
    s-leading-nul s-reason-nul s-100-then-no-head
    """.split()  # noqa: SIM905 - shorter to read
)
"""The page cannot be read, or is not shown as one."""
