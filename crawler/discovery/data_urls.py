"""Pictures and manifests that a page carries in `data:` URLs, by the Fetch Standard."""

from __future__ import annotations

import base64
import binascii
import re

from ada_url import URL

from samelook.crawler.fetching.errors import BadUrl

_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_BASE64 = re.compile(r";[ ]*base64[ ]*$", re.IGNORECASE)
_LONGEST_EMPTY = 200
_NOT_AN_IMAGE_BYTES = 8
"""A data: URL with at most so many bytes is how pages say that they have no icon: PNG's signature alone, or
nothing."""


def is_data_url(url: str) -> bool:
    """Whether `url` carries its content in itself."""
    return url[:5].lower() == "data:"


def data_of(url: str) -> tuple[bytes, str]:
    """The bytes that a `data:` URL carries, and their media type. Raises BadUrl.

    https://fetch.spec.whatwg.org/#data-url-processor
    """
    try:
        text = URL(url).href.partition("#")[0]
    except ValueError as error:
        raise BadUrl("Not a data: URL", start=url[:80]) from error
    media_type, comma, content = text.removeprefix("data:").partition(",")
    if not comma:
        raise BadUrl("A data: URL without a comma holds no data", start=url[:80])
    body = _ESCAPE.sub(lambda m: bytes((int(m[1], 16),)), content.encode())
    if _BASE64.search(media_type) is None:
        return body, media_type.strip()
    return _forgiving_base64(body, url), _BASE64.sub("", media_type).strip()


def _forgiving_base64(body: bytes, url: str) -> bytes:
    """https://infra.spec.whatwg.org/#forgiving-base64-decode."""
    packed = body.translate(None, b"\t\n\f\r ")
    if len(packed) % 4 == 0:
        packed = packed.removesuffix(b"=").removesuffix(b"=")
    try:
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except binascii.Error as error:
        raise BadUrl("The base64 of a data: URL is broken", start=url[:80]) from error


def says_no_icon(url: str) -> bool:
    """Whether a link's URL is a way to say that the page has no icon: `data:,` and its kin."""
    if not is_data_url(url) or len(url) > _LONGEST_EMPTY:
        return False
    try:
        return len(data_of(url)[0]) <= _NOT_AN_IMAGE_BYTES
    except BadUrl:
        # `data:;base64,=` is the best known of them, and no valid base64.
        return url.partition(",")[2].strip("= ") == ""
