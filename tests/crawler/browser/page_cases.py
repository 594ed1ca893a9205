"""Pages and icons as sites make them, and the icon that Chromium 156 stores for the tab of each.

Recorded from Chromium, which `test_chromium.py` asks again where it is installed. `SHOWN` names the icon by
its path, None where there is none; a page that is not in it shows /red16.png.
"""

from __future__ import annotations

import base64
import gzip
import io
from collections.abc import Callable

from PIL import Image

from tests.crawler.browser.raw_server import Answer, png, whole

SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><rect width="8" height="8" fill="red"/></svg>'
)


def _ico(*edges: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGBA", (64, 64), "purple").save(file, "ICO", sizes=[(edge, edge) for edge in edges])
    return file.getvalue()


def _saved(form: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (16, 16), "orange").save(file, form)
    return file.getvalue()


def _sent(location: str) -> bytes:
    head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n"
    return f"{head}Connection: close\r\n\r\n".encode()


def _if(mark: bytes) -> Callable[[bytes], bytes]:
    """Answers a request with an icon if its head contains `mark`, and with 403 otherwise."""
    icon, refused = whole(png((5, 5, 5)), "image/png"), whole(b"", status="403 Forbidden")
    return lambda head: icon if mark in head.lower() else refused


FILES: dict[str, Answer] = {
    f"/{name}{edge}.png": whole(png(colour, edge), "image/png")
    for name, colour in {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}.items()
    for edge in (16, 32, 48, 64, 180)
}
FILES |= {
    "/favicon.ico": whole(png((9, 9, 9)), "image/x-icon"),
    "/v.svg": whole(SVG, "image/svg+xml"),
    "/svg_as_text.svg": whole(SVG, "text/plain"),
    "/svg_as_xml.svg": whole(SVG, "text/xml"),
    "/svg_packed.svg": whole(gzip.compress(SVG), "image/svg+xml", headers="Content-Encoding: gzip\r\n"),
    "/png_as_svg.png": whole(png((3, 3, 3)), "image/svg+xml"),
    "/png_as_html.png": whole(png((3, 3, 3)), "text/html"),
    "/attached.png": whole(
        png((3, 3, 3)), "application/octet-stream", headers="Content-Disposition: attachment\r\n"
    ),
    "/nosniff.png": whole(png((3, 3, 3)), "text/plain", headers="X-Content-Type-Options: nosniff\r\n"),
    "/own_only.png": whole(
        png((3, 3, 3)), "image/png", headers="Cross-Origin-Resource-Policy: same-origin\r\n"
    ),
    "/16_32.ico": whole(_ico(16, 32), "image/x-icon"),
    "/48_64.ico": whole(_ico(48, 64), "image/x-icon"),
    "/w.webp": whole(_saved("WEBP"), "image/webp"),
    "/a.avif": whole(_saved("AVIF"), "image/avif"),
    "/t.tiff": whole(_saved("TIFF"), "image/tiff"),
    "/html.ico": whole(b"<!doctype html><h1>x", "text/html"),
    "/broken.svg": whole(b'<svg xmlns="http://www.w3.org/2000/svg"><rect', "image/svg+xml"),
    "/no_namespace.svg": whole(b'<svg viewBox="0 0 1 1"><rect width="1" height="1"/></svg>', "image/svg+xml"),
    "/to_red": _sent("/red16.png"),
    "/to_svg": _sent("/v.svg"),
    "/to_other": _sent("http://other.test/green16.png"),
    "/to_nothing": _sent("/nothing.png"),
    "/cookie.png": _if(b"seen=1"),
    "/referer.png": _if(b"referer: http"),
    "/accept.png": _if(b"image/"),
}
for _status in ("201 Created", "203 Other", "204 Empty", "206 Part", "299 Odd", "404 None", "500 Fault"):
    FILES[f"/status{_status[:3]}.png"] = whole(png((4, 4, 4)), "image/png", status=_status)

RED = '<link rel="icon" href="/red16.png">'
_icon_shown: str | None
CASES: dict[str, dict[str, Answer]] = {}
SHOWN: dict[str, str | None] = {"other": "/favicon.ico"}


def link(href: str, more: str = "", rel: str = "icon") -> str:
    """A link to an icon."""
    return f'<link rel="{rel}" href="{href}" {more}>'


def page(head: str = "", body: str = "", **sent: str) -> bytes:
    """An answer with a page as it should be."""
    text = (
        f"<!doctype html><html><head><title>t</title>{head}</head><body><p>x</p>{body}</body></html>".encode()
    )
    return whole(text, **sent)


def add(name: str, answer: bytes, shown: str | None = "/red16.png", **others: Answer) -> None:
    """A site with this start page."""
    CASES[name] = {"/": answer, **{f"/{path}": other for path, other in others.items()}}
    if shown != "/red16.png":
        SHOWN[name] = shown


def head(name: str, markup: str, shown: str | None = "/red16.png", **sent: str) -> None:
    """A page with this in its head."""
    add(name, page(markup, **sent), shown)


CASES["other"] = {"/": page()}
# What an icon's answer is: `over` where the link before it gives way, `only` where nothing is shown.
for _path, _drawn in {
    "/svg_as_text.svg": False, "/svg_as_xml.svg": False, "/svg_packed.svg": True, "/png_as_svg.png": False,
    "/png_as_html.png": True, "/attached.png": True, "/nosniff.png": True, "/own_only.png": True,
    "/w.webp": True, "/a.avif": True, "/t.tiff": False, "/html.ico": False, "/broken.svg": False,
    "/no_namespace.svg": False, "/to_red": True, "/to_svg": True, "/to_other": True, "/to_nothing": False,
    "/referer.png": True, "/accept.png": True, "/status201.png": False, "/status203.png": False,
    "/status204.png": False, "/status206.png": False, "/status299.png": False, "/status404.png": False,
    "/status500.png": False,
}.items():  # fmt: skip
    _name = _path[1:].replace(".", "-").replace("_", "-")
    head(f"only-{_name}", link(_path), _path if _drawn else None)
    head(f"over-{_name}", link("/green16.png") + link(_path), _path if _drawn else "/green16.png")
head("cookie", link("/cookie.png"), "/cookie.png", headers="Set-Cookie: seen=1; Path=/\r\n")
head("of-another-site", link("http://other.test/own_only.png"), None)
head("without-scheme", link("//other.test/red16.png"))
# policies
for _name, _policy, _allows in (
    ("none", "img-src 'none'", False),
    ("self", "img-src 'self'", True), ("default", "default-src 'none'", False),
    ("other", "img-src http://other.test", False),
    ("data", "img-src data:", False), ("star", "img-src *", True),
    ("both", "default-src 'none'; img-src 'self'", True), ("script", "script-src 'none'", True),
    ("scheme", "img-src http:", True), ("path", "img-src http://*.test/red16.png", True),
    ("two", "img-src 'self', img-src 'none'", False),
):  # fmt: skip
    _header = f"Content-Security-Policy: {_policy}\r\n"
    head(f"policy-{_name}", RED, "/red16.png" if _allows else None, headers=_header)
    _meta = f'<meta http-equiv="content-security-policy" content="{_policy}">'
    head(f"policy-meta-{_name}", _meta + RED, "/red16.png" if _allows else None)
head("policy-favicon", "", None, headers="Content-Security-Policy: img-src 'none'\r\n")
head("policy-report", RED, headers="Content-Security-Policy-Report-Only: img-src 'none'\r\n")
_DATA = f"data:image/png;base64,{base64.b64encode(png((3, 3, 3))).decode()}"
head("policy-inline", link(_DATA), _DATA, headers="Content-Security-Policy: img-src 'self'\r\n")
head(
    "policy-base",
    '<base href="/nowhere/">' + link("red16.png"),
    headers="Content-Security-Policy: base-uri 'none'\r\n",
)
# the page's own answer
for _status in ("404 N", "500 N", "403 N", "401 N", "503 N", "410 N", "999 N"):
    add(f"page-{_status[:3]}", page(RED, status=_status))
for _type, _shown in {
    "text/plain": "/favicon.ico", "application/json": "/favicon.ico", "text/xml": "/favicon.ico",
    "application/xml": "/favicon.ico", "application/xhtml+xml": "/favicon.ico", "TEXT/HTML": "/red16.png",
    "text/html, text/plain": "/favicon.ico", "": "/red16.png",
}.items():  # fmt: skip
    _name = "".join(letter for letter in _type.lower() if letter.isalpha()) or "none"
    add(f"type-{_name}", page(RED, media_type=_type), _shown)
_XHTML = (
    '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>t</title>%s</head><body><p>x</p></body></html>'
)
for _name, _markup, _icon_shown in (
    ("plain", '<link rel="icon" href="/red16.png"/>', "/red16.png"),
    ("script", '<script/><link rel="icon" href="/red16.png"/>', "/red16.png"),
    ("fault-behind", '<link rel="icon" href="/red16.png"/><br>', "/red16.png"),
    ("noscript", '<noscript><link rel="icon" href="/red16.png"/></noscript>', "/favicon.ico"),
    (
        "cdata",
        '<style><![CDATA[<link href="/green16.png"/>]]></style><link rel="icon" href="/red16.png"/>',
        "/red16.png",
    ),
    ("upper", '<LINK rel="icon" href="/red16.png"/>', "/favicon.ico"),
):
    add(f"xhtml-{_name}", whole((_XHTML % _markup).encode(), "application/xhtml+xml"), _icon_shown)
# texts
for _codec in ("utf-16-le", "utf-16-be"):
    add(
        f"text-{_codec}",
        whole(
            f"<!doctype html>{RED}".encode(_codec),
            f"text/html; charset={_codec.replace('-le', 'le').replace('-be', 'be')}",
        ),
    )
add("text-bom", whole(b"\xef\xbb\xbf<meta charset=utf-16>" + RED.encode()))
add("text-unknown", whole(b"<meta charset=foo>" + RED.encode(), "text/html; charset=bar"))
add("text-utf7", whole(b"<meta charset=utf-7>+ADw-link rel=icon href=/red16.png+AD4-"), "/favicon.ico")
for _name, _codec, _text, _path in (
    ("latin", "cp1252", "Les élèves français étaient très fâchés. ", "/q.png?a=%E9"),
    ("cyrillic", "cp1251", "Сегодня в Москве хорошая погода и тепло. ", "/q.png?a=%FF"),
    ("japanese", "euc-jp", "これは日本語で書かれたページです。", "/q.png?a=%A4%A2"),
):
    _letter = {"latin": "é", "cyrillic": "я", "japanese": "あ"}[_name]
    _body = f'<title>{_text}</title><link rel=icon href="/q.png?a={_letter}"><p>{_text * 5}'
    add(f"undeclared-{_name}", whole(_body.encode(_codec)), _path)
FILES["/q.png"] = FILES["/red16.png"]
# addresses
for _name, _href, _icon_shown in (
    ("tab", "/red\t16.png", "/red16.png"), ("lines", "\n/red16.png\n", "/red16.png"),
    ("backslash", "\\red16.png", "/red16.png"), ("dots", "/a/../red16.png", "/red16.png"),
    ("fragment", "/red16.png#x", "/red16.png"), ("query", "/red16.png?v=2", "/red16.png?v=2"),
    ("reference", "&#47;red16.png", "/red16.png"), ("copy", "/red16.png?a=1&copy=2", "/red16.png?a=1&copy=2"),
    ("user", "http://u:p@other.test/red16.png", None), ("self", "", "/favicon.ico"), ("hash", "#", None),
    ("blob", "blob:http://x/1", None), ("no-icon", "data:,", None), ("javascript", "javascript:0", None),
    ("missing", "/nothing.png", None),
):  # fmt: skip
    head(f"address-{_name}", link(_href), _icon_shown)
head("address-inline", link(_DATA), _DATA)
head("base-after", link("red16.png") + '<base href="/nowhere/">', None)
head("base-second", '<base href="/"><base href="/nowhere/">' + link("red16.png"))
head("base-inline", '<base href="data:text/html,x">' + RED)
add("base-in-body", page(link("red16.png"), '<base href="/nowhere/">'), None)
# marks
for _name, _markup, _icon_shown in (
    ("capitals", "<LINK REL=ICON HREF=/red16.png>", "/red16.png"),
    ("slashes", '<link/rel=icon/href="/red16.png"/>', "/favicon.ico"),
    ("twice", "<link rel=icon rel=stylesheet href=/red16.png href=/green16.png>", "/red16.png"),
    ("space-first", "< link rel=icon href=/red16.png>", "/favicon.ico"),
    ("hard-space", '<link rel="icon\u00a0" href="/red16.png">', "/favicon.ico"),
    ("form-feed", '<link rel="x\ficon" href="/red16.png">', "/red16.png"),
    ("comma", '<link rel="icon,shortcut" href="/red16.png">', "/favicon.ico"),
    ("touch-behind", '<link rel="shortcut icon apple-touch-icon" href="/red16.png">', "/favicon.ico"),
    ("touch-before", '<link rel="apple-touch-icon icon" href="/red16.png">', "/red16.png"),
    ("open-at-end", "<link rel=icon href=/red16.png", None),
    ("old-browser", f"<!--[if IE]>{link('/green16.png')}<![endif]-->{RED}", "/red16.png"),
    ("not-old-browser", f"<![if !IE]>{RED}<![endif]>", "/red16.png"),
    ("cdata", f"<![CDATA[{RED}]]>", "/favicon.ico"),
    ("php", f'<?php echo "x"; ?>{RED}', "/red16.png"),
    ("php-arrow", f"<?php if(a>b) ?>{RED}", "/favicon.ico"),
    ("short-comment", f"<!-->{RED}-->", "/red16.png"),
    ("odd-end", f"<!-- a --!>{RED}", "/red16.png"),
    ("comment-open", f"<!-- {RED}", "/favicon.ico"),
    ("script-in-script", f"<script><!--<script></script>{RED}</script>-->", "/favicon.ico"),
    ("script-closes-itself", f"<script src=x />{RED}", "/favicon.ico"),
    ("title-open", f"<title>{RED}", "/favicon.ico"),
    ("end-of-nothing", f"</ link></1>{RED}", "/red16.png"),
    ("template", f"<template>{RED}</template>", "/favicon.ico"),
    ("noscript", f"<noscript>{RED}</noscript>", "/favicon.ico"),
    ("noscript-closed", f"<noscript><p>x</p></noscript>{RED}", "/red16.png"),
    ("paragraph", f"<p>{RED}", "/favicon.ico"),
    ("div", f"<div></div>{RED}", "/favicon.ico"),
    ("text", f"words{RED}", "/favicon.ico"),
    ("space-reference", f"&#32;{RED}", "/red16.png"),
    ("hard-space-reference", f"&nbsp;{RED}", "/favicon.ico"),
    ("zero", f"\0{RED}", "/red16.png"),
    ("end-of-paragraph", f"</p>{RED}", "/red16.png"),
    ("end-of-line", f"</br>{RED}", "/favicon.ico"),
    ("end-of-div", f"</div></span>{RED}", "/red16.png"),
    ("body", f"<body>{RED}", "/favicon.ico"),
    ("svg", f"<svg><title>a</title></svg>{RED}", "/favicon.ico"),
    ("image", f"<img>{RED}", "/favicon.ico"),
    ("custom", f"<x-y>{RED}", "/favicon.ico"),
    ("noframes", f"<noframes>x</noframes>{RED}", "/red16.png"),
    ("disabled", "<link rel=icon disabled href=/red16.png>", "/red16.png"),
    ("mask", "<link rel=mask-icon href=/v.svg color=red>", "/favicon.ico"),
    ("touch", "<link rel=apple-touch-icon href=/red180.png>", "/favicon.ico"),
    ("arrow-in-value", f'<meta name="a>b" content="<link rel=icon href=/green16.png>">{RED}', "/red16.png"),
    ("many-metas", "<meta name=a content=b>" * 800 + RED, "/red16.png"),
    ("long-comment", f"<!--{'x' * 70000}-->{RED}", "/red16.png"),
):
    head(f"mark-{_name}", _markup, _icon_shown)
# which of several
for _name, _markup, _icon_shown in (
    ("frames", link("/48_64.ico") + link("/green16.png", 'sizes="16x16"'), "/green16.png"),
    ("small-frames", link("/16_32.ico") + link("/green32.png", 'sizes="32x32"'), "/16_32.ico"),
    ("svg-and-any", link("/favicon.ico", 'sizes="any"') + link("/v.svg", 'type="image/svg+xml"'), "/v.svg"),
    (
        "svg-first",
        link("/v.svg", 'type="image/svg+xml"') + link("/green16.png", 'sizes="16x16"'),
        "/v.svg",
    ),
    (
        "larger",
        link("/red64.png", 'sizes="64x64"') + link("/green48.png", 'sizes="48x48"'),
        "/green48.png",
    ),
    (
        "broken-first",
        link("/nothing.png", 'sizes="16x16"') + link("/green64.png", 'sizes="64x64"'),
        "/green64.png",
    ),
    (
        "schemes",
        link("/green16.png", 'media="(prefers-color-scheme: dark)"')
        + link("/red16.png", 'media="(prefers-color-scheme: light)"'),
        "/red16.png",
    ),
    (
        "dark-last",
        RED + link("/green16.png", 'media="(prefers-color-scheme: dark)"'),
        "/red16.png",
    ),
    ("unknown-type", link("/green16.png") + link("/red16.png", 'type="image/foo"'), "/red16.png"),
    ("all-broken", link("/nothing.png") + link("/html.ico", 'sizes="16x16"'), None),
):
    head(f"choice-{_name}", _markup, _icon_shown)
# ways to the page
_TWO = page(link("/green32.png"))
head("refresh-not", '<meta http-equiv=" refresh " content="0;url=/two">', "/favicon.ico")
head("refresh-later", '<meta http-equiv=refresh content="5;url=/two">', "/favicon.ico")
add("refresh", page('<meta http-equiv=refresh content="0;url=/two">'), "/green32.png", two=_TWO)
add("sent-on", _sent("sub/two"), "/red16.png", **{"sub/two": page(link("../red16.png"))})
CASES["sent-back"] = {
    "/": lambda head: (
        page(RED)
        if b"c=1" in head
        else _sent("/").replace(
            b"Content-Length", b"Set-Cookie: c=1; HttpOnly; SameSite=Lax\r\nContent-Length"
        )
    )
}
_FAVICON = "favicon.ico"
for _name, _icon, _icon_shown in (
    ("sent-on", _sent("/red16.png"), "/favicon.ico"), ("html", whole(b"<h1>"), None),
    ("svg", whole(SVG, "image/svg+xml"), "/favicon.ico"), ("svg-as-icon", whole(SVG, "image/x-icon"), None),
    ("not-found", whole(png((1, 1, 1)), "image/png", status="404 N"), None),
    ("empty", whole(b"", "image/x-icon"), None),
):  # fmt: skip
    add(f"favicon-{_name}", page(), _icon_shown, **{_FAVICON: _icon})
