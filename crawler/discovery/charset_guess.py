"""Which character set a page is probably in, when nobody says so and it is not UTF-8.

The text is looked at without its markup, 3 KB at most. East Asian sets are told by how many characters lie in
the part of the table that everyday words use (the levels of JIS X 0208, GB 2312, Big5 and KS X 1001), the
others by how often languages use their letters. Where nothing fits, `bs4.dammit` decides; alone it takes
French for Polish and knows no EUC-JP (`docs/discovery.md` has figures).
"""

from __future__ import annotations

import logging
import math
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

WINDOW_BYTES = 32_768
"""How far from the first byte that is not UTF-8 text is looked for."""
SAMPLE_BYTES = 3_000

_FEW = 0.04
"""Share of characters that may be broken: real pages mix in a wrong byte here and there."""
_COMMON_ENOUGH = 0.75
_LIKE_A_LANGUAGE = -4.8
"""Mean logarithm of the probabilities of a text's letters: texts in the right set are above it, and Chinese,
Japanese or Korean ones below -5.5."""
_UNLIKE_ANY = -6.5

_UNEXPECTED = 0.7

_ASCII = bytes(range(128))


def guessed_codec(body: bytes, near: int) -> str | None:
    """Python's codec for the text around `near`, where the page stops being UTF-8; None for no idea."""
    sample = _text_around(body, near)
    if codec := _utf_8(sample):
        return codec
    likeness, alphabetic = _alphabetic(sample)
    if likeness > _LIKE_A_LANGUAGE:
        return alphabetic
    return _east_asian(sample) or (alphabetic if likeness > _UNLIKE_ANY else _by_dammit(sample))


def _by_dammit(sample: bytes) -> str | None:
    import charset_normalizer
    from bs4.dammit import UnicodeDammit

    # Left to itself it asks whichever detector happens to be installed, and pages would be read differently
    # from one machine to the next.
    detected = charset_normalizer.detect(sample)["encoding"]
    if detected is None:
        return None
    # It warns where a sample ends within a character; for a guess that is of no interest.
    logging.getLogger("bs4.dammit").setLevel(logging.ERROR)
    dammit = UnicodeDammit(sample, [detected], is_html=True)
    return None if dammit.contains_replacement_characters else dammit.original_encoding


def _text_around(body: bytes, near: int) -> bytes:
    """Texts and attributes with letters beyond ASCII, from a little before `near`.

    Neither `<` nor `>` is the second byte of a character in any set of the Web but ISO-2022-JP.
    """
    start = max(0, body.rfind(b"\n", max(0, near - 256), near))
    window = body[start : start + WINDOW_BYTES].replace(b">", b"<")
    pieces: list[bytes] = []
    size = 0
    for piece in window.split(b"<"):
        if piece.isascii():
            continue
        pieces.append(piece[:SAMPLE_BYTES])
        size += len(piece)
        if size >= SAMPLE_BYTES:
            break
    return b" ".join(pieces)[:SAMPLE_BYTES]


def _beyond_ascii(text: str) -> int:
    return len(text) - len(text.encode("ascii", "ignore"))


def _utf_8(sample: bytes) -> str | None:
    """UTF-8 with a few bytes that are not, such as a foreign snippet within a page."""
    text = sample.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    beyond = _beyond_ascii(text)
    return "utf-8" if beyond > 2 * broken and broken <= max(1, beyond * _FEW) and beyond >= 4 else None  # noqa: PLR2004


class _EastAsian(NamedTuple):
    """A set of two bytes a character, and the first bytes of the characters that are common in it."""

    codec: str
    written_in: str
    """The codec whose first bytes are looked at: Shift JIS orders its table differently."""
    common: re.Pattern[bytes]
    """One common character as that codec writes it."""


# Korean first: its syllables lie where Chinese and Japanese have common characters as well.
_EAST_ASIAN = (
    _EastAsian("cp949", "cp949", re.compile(rb"[\xa1\xa3\xb0-\xc8][\xa1-\xfe]")),
    _EastAsian("euc_jp", "euc_jp", re.compile(rb"[\xa1\xa3-\xa5\xb0-\xcf][\xa1-\xfe]")),
    _EastAsian("cp932", "euc_jp", re.compile(rb"[\xa1\xa3-\xa5\xb0-\xcf][\xa1-\xfe]")),
    _EastAsian("gb18030", "gb18030", re.compile(rb"[\xa1\xa3\xb0-\xd7][\xa1-\xfe]")),
    _EastAsian("big5hkscs", "big5hkscs", re.compile(rb"[\xa1-\xc6][\x40-\x7e\xa1-\xfe]")),
)
_WIDE = re.compile(r"[\u1100-\uffdc]")
_WIDE_BY_LATIN = re.compile(r"[A-Za-z][\u1100-\uffdc]|[\u1100-\uffdc](?=[A-Za-z])")


def _east_asian(sample: bytes) -> str | None:
    """The set in which the sample is everyday Chinese, Japanese or Korean."""
    best, codec = _COMMON_ENOUGH, None
    for kind in _EAST_ASIAN:
        share = _share(sample, kind)
        if share > best + (0.02 if codec else 0):
            best, codec = share, kind.codec
    return codec


def _share(sample: bytes, kind: _EastAsian) -> float:
    """The share of common characters among those beyond ASCII; zero where much is broken."""
    text = sample.decode(kind.codec, "replace")
    broken = text.count("\ufffd")
    beyond = _beyond_ascii(text)
    if beyond < 2 or broken > max(1, beyond * _FEW):  # noqa: PLR2004
        return 0.0
    wide = "".join(_WIDE.findall(text))
    common = len(kind.common.findall(wide.encode(kind.written_in, "ignore")))
    # Letters with accents, read as such a set, stand between plain ones.
    mixed = len(_WIDE_BY_LATIN.findall(text))
    return (common - mixed) / beyond


# Letters beyond ASCII by how frequent they are, a language a line, after the sets it is written in.
# Full alphabets and alphabets with accents are told apart by how dense such letters are in the text.
_ACCENTED = """
cp1252: äüöß
cp1252: éèàêçôîûùâïëœ
cp1252: óíáéñúü¿¡
cp1252: ãçéáíóêõâúàô
cp1252: àèùòéì
cp1252: äåöé
cp1252: øåæé
cp1252: áíðéóúýþæö
cp1252: àéóèíçòúï·
cp1252: éëïöü
cp1252: õäüö
cp1250 iso8859_2: łąęóżśćńź
cp1250 iso8859_2: íáéěřčžýšůúťňďó
cp1250 iso8859_2: áíéčžšýúľťňôďäó
cp1250 iso8859_2: áéöóíőüúű
cp1250 iso8859_2: ăîşţâ
cp1250 iso8859_2: ščžćđ
cp1254: ışüğçöİ
cp1257: ėųžšįčūąę
cp1257: āīēūšņļžčģķ
"""
_ALPHABETS = """
cp1251 koi8_r iso8859_5 cp866: оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё
cp1251 koi8_u iso8859_5: оанитврескілудмпязьбгйчхцжюїєщфшґ
cp1251: аеиотнрсвдлкпмзябугчщъйцжхшфюь
cp1251: аоиенрстјвкдупмлзбгчшжцћхђљњџф
cp1253 iso8859_7: αοιετσνηυρπκμλςωόίάγέδήώθχύφβξζψϊ
cp1255: יוהלארתשבמםנדעחקכפסטזגצןךףץ
cp1256 iso8859_6: اليمونرتبةعدسفهكقأحجشطصخذإىضثزغئءظآؤ،
cp874: านรอกเง่มั้ลยวีทดสตะปบคิหแจพชขใืไ์ุโู็ผถซณศธำษญภึฟ
"""
_PUNCTUATION = "–—…“”„‘’«»©®°·§•\u00a0€№×"  # noqa: RUF001

_Model = tuple[str, bool, dict[int, float]]


@cache
def _models() -> tuple[_Model, ...]:
    """Codec, whether the language adds accents only, and the logarithm of how probable a byte is."""
    return tuple(_model_lines(_ACCENTED, accented=True)) + tuple(_model_lines(_ALPHABETS, accented=False))


def _model_lines(table: str, *, accented: bool) -> Iterator[_Model]:
    for line in table.strip().splitlines():
        codecs, _, letters = line.partition(": ")
        for codec in codecs.split():
            yield codec, accented, _model(codec, letters, 0.75 if accented else 0.9)


def _model(codec: str, letters: str, falling: float) -> dict[int, float]:
    """Each letter is `falling` times as frequent as the one before; capitals and signs are rare."""
    weights = dict.fromkeys(range(128, 256), 1e-4)
    for byte in range(128, 256):
        if not bytes((byte,)).decode(codec, "ignore").isprintable() or byte < 160 and "iso8859" in codec:  # noqa: PLR2004, RUF021
            weights[byte] = 1e-6
    total = (1 - falling ** len(letters)) / (1 - falling)
    for place, letter in enumerate(letters):
        for form, share in ((letter, 0.9), (letter.upper(), 0.07)):
            code = form.encode(codec, "ignore") if len(form) == 1 else b""
            if len(code) == 1 and code[0] > 127:  # noqa: PLR2004
                weights[code[0]] = max(weights[code[0]], share * falling**place / total)
    for sign in _PUNCTUATION:
        code = sign.encode(codec, "ignore")
        if len(code) == 1 and code[0] > 127:  # noqa: PLR2004
            weights[code[0]] = max(weights[code[0]], 0.01)
    return {byte: math.log(weight) for byte, weight in weights.items()}


def _alphabetic(sample: bytes) -> tuple[float, str | None]:
    """The set of one byte a character whose letters are most nearly as frequent as in some language.

    First how near: the mean logarithm of the probabilities of the letters.
    """
    beyond = Counter(sample.translate(None, _ASCII))
    count = beyond.total()
    if not count:
        return -math.inf, None
    # Half of a Latin text are these letters, and one in seven has an accent at most. The names of
    # attributes that stand by foreign text are Latin too, so this is a hint and no proof.
    accented = sum(map(sample.count, b"etaonirsl")) > count / 2
    best, codec = -math.inf, None
    for name, adds_accents, model in _models():
        score = sum(model[byte] * times for byte, times in beyond.items())
        score -= 0 if adds_accents is accented else count * _UNEXPECTED
        if score > best:
            best, codec = score, name
    return best / count, codec
