"""Files in forms, and files behind URLs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from samelook.api.errors import ApiError, bad_request
from samelook.api.requests import texts_of
from samelook.api.settings import MOST_HELD
from samelook.banks.media import StreamedFile, known_content_type
from samelook.banks.signal_types import ContentType
from samelook.crawler.fetching.fetcher import Fetcher
from samelook.hashing.formats import sniff

_MOST_FIELDS = 20
_LONGEST_FIELD = 1 << 20
_PIECE_BYTES = 1 << 18

Streaming = Callable[[str], StreamedFile | None]
"""Of the field that a file is in: what takes its pieces, or None if it is needed as a whole."""


@dataclass(frozen=True, slots=True)
class Media:
    """The bytes of a photo or video."""

    content_type: ContentType
    data: bytes
    streamed: StreamedFile | None = None
    """What was made of the bytes as they came; then `data` is empty."""


@dataclass(frozen=True, slots=True)
class SentForm:
    """A form that was sent: files and texts by field."""

    files: dict[str, bytes]
    texts: dict[str, str]
    names: dict[str, str]
    """The files' names, as the sender calls them."""
    streamed: dict[str, StreamedFile] = field(default_factory=dict)
    """Files of which nothing was kept, by field."""


async def form_of(request: web.Request, max_bytes: int, streaming: Streaming | None = None) -> SentForm:
    """The multipart or urlencoded form in the body. Raises ApiError."""
    if request.content_type == "application/x-www-form-urlencoded":
        return SentForm({}, await texts_of(request), {})
    if request.content_type != "multipart/form-data":
        raise bad_request("Missing multipart/form-data file upload")
    form = SentForm({}, {}, {})
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                raise bad_request("A form within a form is not taken.")
            await _take(form, part, max_bytes, streaming)
    except (ValueError, LookupError, AssertionError, RuntimeError, EOFError, HttpProcessingError) as error:
        raise bad_request("The multipart form is damaged.") from error
    return form


async def _take(form: SentForm, part: BodyPartReader, max_bytes: int, streaming: Streaming | None) -> None:
    name = part.name or ""
    if name in form.files or name in form.texts or name in form.streamed:
        raise bad_request(f"Only one file allowed per request: field {name[:80]!r} came twice")
    if len(form.files) + len(form.texts) + len(form.streamed) >= _MOST_FIELDS:
        raise bad_request("The form has too many fields.")
    is_file = part.filename is not None
    is_coded = bool(part.headers.get("Content-Transfer-Encoding"))
    if is_file and not is_coded and streaming is not None and (taker := streaming(name)) is not None:
        form.streamed[name], form.names[name] = taker, part.filename or ""
        while piece := await part.read_chunk(_PIECE_BYTES):
            taker.update(piece)
            _check_size(name, taker.size, max_bytes)
        return
    data = bytearray()
    while piece := await part.read_chunk(_PIECE_BYTES):
        data += piece
        _check_size(name, len(data), min(max_bytes, MOST_HELD) if is_file else _LONGEST_FIELD)
    content = bytes(part.decode(bytes(data))) if is_coded else bytes(data)
    if is_file:
        form.files[name], form.names[name] = content, part.filename or ""
    else:
        try:
            form.texts[name] = content.decode()
        except UnicodeDecodeError as error:
            raise bad_request(f"Field {name[:80]!r} is no UTF-8.") from error


def _check_size(name: str, size: int, limit: int) -> None:
    if size > limit:
        raise ApiError(413, f"Field {name[:80]!r} is larger than {limit} bytes.")


def media_in(form: SentForm) -> Media:
    """The one photo or video in a form, under the name of its content type. Raises ApiError."""
    fields = [*form.files, *form.streamed]
    if not fields:
        raise bad_request("Missing multipart/form-data file upload: a file in a field named photo or video")
    if len(fields) > 1:
        raise bad_request("Only one file allowed per request")
    (name,) = fields
    media = Media(known_content_type(name), form.files.get(name, b""), form.streamed.get(name))
    if not (media.data or (media.streamed is not None and media.streamed.size)):
        raise bad_request("the file is empty")
    return media


async def fetched_media(fetcher: Fetcher, url: str, content_type: str | None) -> Media:
    """The photo or video behind a URL; its type as given, or as the server says, or as its bytes show.

    Raises ApiError or FetchError.
    """
    wanted = known_content_type(content_type) if content_type else None
    response = await fetcher.fetch(url, kind="media")
    if not response.ok:
        raise bad_request(f"url answered with status {response.status}", {"status": response.status})
    if not response.body:
        raise bad_request("url leads to an empty file")
    if wanted is None:
        wanted = _told_type(response.headers.get("content-type", ""), response.body)
    return Media(wanted, response.body)


def _told_type(header: str, body: bytes) -> ContentType:
    main = header.strip().lower()
    if main.startswith("image"):
        return "photo"
    if main.startswith("video"):
        return "video"
    if sniff(body) is not None:
        return "photo"
    raise bad_request(
        f"unsupported url ContentType: {header[:80]!r}, if you know the expected type, provide it with the "
        "content_type query param"
    )
