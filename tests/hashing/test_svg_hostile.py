"""SVGs that would take a renderer for ever, or reach out: each ends soon, drawn or with an error of its kind."""

# ruff: noqa: E501 - each document stands as a whole

from __future__ import annotations

import time

import pytest

from samelook.hashing.decode import decode_frames
from samelook.hashing.errors import HashingError

MOST_CPU_S = 6.0
"""Much less than the renderer would take of any of these, and enough on a busy machine."""
_DOCUMENT = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 32 32"%s>%s</svg>'


def doc(content: str, attributes: str = "") -> bytes:
    return (_DOCUMENT % (attributes, content)).encode()


HOSTILE: dict[str, bytes] = {
    "nested": doc("<g>" * 50000 + "</g>" * 50000),
    "nested90": doc('<g opacity=".9">' * 90 + '<rect width="9" height="9"/>' + "</g>" * 90),
    "laughs": b"<!DOCTYPE svg ["
    b'<!ENTITY a0 "ha">'
    + b"".join(b'<!ENTITY a%d "%s">' % (i, b"&a%d;" % (i - 1) * 10) for i in range(1, 12))
    + b"]>"
    + doc("<text>&a11;</text>"),
    "quadratic": b'<!DOCTYPE svg [<!ENTITY a "'
    + b"x" * 50000
    + b'">]>'
    + doc("<text>" + "&a;" * 2000 + "</text>"),
    "elements_by_entity": b'<!DOCTYPE svg [<!ENTITY a "<g/><g/><g/><g/><g/><g/><g/><g/><g/><g/>">'
    b'<!ENTITY b "' + b"&a;" * 100 + b'"><!ENTITY c "' + b"&b;" * 100 + b'">]>' + doc("&c;"),
    "external": b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    + doc('<text y="20">&x;</text><rect width="9" height="9"/>'),
    "external_dtd": b'<!DOCTYPE svg SYSTEM "http://127.0.0.1:9/x.dtd">' + doc('<rect width="9" height="9"/>'),
    "param": b'<!DOCTYPE svg [<!ENTITY % p SYSTEM "file:///etc/passwd">%p;]>'
    + doc('<rect width="9" height="9"/>'),
    "uses": doc(
        '<defs><g id="a0"><rect width="9" height="9"/></g>'
        + "".join(f'<g id="a{i}">' + f'<use href="#a{i - 1}"/>' * 10 + "</g>" for i in range(1, 12))
        + '</defs><use href="#a11"/>'
    ),
    "uses_vars": doc(
        '<style>:root{--a:red}</style><defs><g id="a0"><rect width="9" height="9"/></g>'
        + "".join(
            f'<g id="a{i}" style="--x{i}:1">' + f'<use href="#a{i - 1}" style="--y:2"/>' * 10 + "</g>"
            for i in range(1, 12)
        )
        + '</defs><use href="#a11" style="--z:1"/>'
    ),
    "use_self": doc('<g id="a"><use href="#a"/><rect width="9" height="9"/></g>'),
    "blur": doc(
        '<filter id="f" x="-9000" y="-9000" width="99999" height="99999"><feGaussianBlur stdDeviation="9999"/></filter><rect width="9" height="9" filter="url(#f)"/>'
    ),
    "blur_many": doc(
        '<filter id="f">'
        + '<feGaussianBlur stdDeviation="20"/>' * 500
        + '</filter><rect width="32" height="32" filter="url(#f)"/>'
    ),
    "turbulence": doc(
        '<filter id="f"><feTurbulence baseFrequency="9" numOctaves="100000"/></filter><rect width="32" height="32" filter="url(#f)"/>'
    ),
    "morph": doc(
        '<filter id="f"><feMorphology operator="dilate" radius="9999"/></filter><rect width="32" height="32" filter="url(#f)"/>'
    ),
    "convolve": doc(
        '<filter id="f"><feConvolveMatrix order="400" kernelMatrix="'
        + "1 " * 160000
        + '"/></filter><rect width="32" height="32" filter="url(#f)"/>'
    ),
    "filters_each": doc(
        '<filter id="f"><feGaussianBlur stdDeviation="5"/></filter>'
        + '<rect width="32" height="32" filter="url(#f)"/>' * 5000
    ),
    "text": doc('<text y="20">' + "A" * 200000 + "</text>"),
    "emoji": doc('<text y="20">' + "\U0001f600" * 20000 + "</text>"),
    "font_size": doc('<text y="20" font-size="1e9">A</text>'),
    "size": doc('<rect width="9" height="9"/>', ' width="1e9" height="1e9"'),
    "size_thin": doc('<rect width="9" height="9"/>', ' width="1e9" height="1"'),
    "viewbox": b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1e30 1e-30"><rect width="9" height="9"/></svg>',
    "coords": doc('<path d="M-1e38 -1e38L1e38 1e38 1e38 -1e38Z" stroke="red" stroke-width="1e30"/>'),
    "dash": doc('<path d="M0 0H1e6" stroke="red" stroke-dasharray="1e-6 1e-6"/>'),
    "dash_len": doc(
        '<path d="M0 0H32" stroke="red" stroke-width="3" pathLength="1e9" stroke-dasharray="1 1"/>'
    ),
    "path": doc('<path d="M0 0' + "L1 1 2 0" * 200000 + '"/>'),
    "pattern": doc(
        '<pattern id="p" width="1e-4" height="1e-4" patternUnits="userSpaceOnUse"><rect width="1" height="1"/></pattern><rect width="32" height="32" fill="url(#p)"/>'
    ),
    "patterns": doc(
        "".join(
            f'<pattern id="p{i}" width="1" height="1" patternUnits="userSpaceOnUse"><rect width="9" height="9" fill="url(#p{i - 1})"/></pattern>'
            for i in range(1, 40)
        )
        + '<rect width="32" height="32" fill="url(#p39)"/>'
    ),
    "masks": doc(
        "".join(
            f'<mask id="m{i}"><rect width="32" height="32" fill="#fff" mask="url(#m{i - 1})"/><rect width="32" height="32" fill="#fff" mask="url(#m{i - 1})"/></mask>'
            for i in range(1, 30)
        )
        + '<rect width="32" height="32" mask="url(#m29)"/>'
    ),
    "clips": doc(
        "".join(
            f'<clipPath id="m{i}"><rect width="32" height="32" clip-path="url(#m{i - 1})"/><rect width="32" height="32" clip-path="url(#m{i - 1})"/></clipPath>'
            for i in range(1, 30)
        )
        + '<rect width="32" height="32" clip-path="url(#m29)"/>'
    ),
    "markers": doc(
        '<marker id="m"><path d="M0 0h1" marker-start="url(#m)"/></marker><path d="M0 0'
        + "h1" * 20000
        + '" marker-mid="url(#m)"/>'
    ),
    "selectors": doc(
        "<style>"
        + "".join(f"g g g g g g g .c{i}{{fill:red}}" for i in range(3000))
        + "</style>"
        + "<g>" * 80
        + '<rect class="c1"/>' * 5000
        + "</g>" * 80
    ),
    "has": doc(
        "<style>g:has(rect~rect~rect):has(g:not(:has(a))){fill:red}</style>" + "<g><rect/></g>" * 9000
    ),
    "scope": doc(
        "<style>"
        + "@scope (g) to (rect){g rect{fill:red}}" * 900
        + "</style>"
        + "<g>" * 80
        + "<rect/>" * 900
        + "</g>" * 80
    ),
    "vars": doc(
        "<style>:root{--a0:red red red red red red red red red red;"
        + "".join(f"--a{i}:" + f"var(--a{i - 1}) " * 10 + ";" for i in range(1, 12))
        + '}rect{fill:var(--a11)}</style><rect width="9" height="9"/>'
    ),
    "calc": doc("<style>rect{width:" + "calc(" * 5000 + "1px" + ")" * 5000 + '}</style><rect height="9"/>'),
    "blocks": doc("<style>" + "a{" * 5000 + '</style><rect width="9" height="9"/>'),
    "import": doc(
        '<style>@import url("data:text/css,%40import url(data:text/css,x)");</style><rect width="9" height="9"/>'
    ),
    "bg_tiles": doc(
        "",
        ' style="background:url(data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22 viewBox=%220 0 1 1%22%3E%3Crect width=%221%22 height=%221%22/%3E%3C/svg%3E) 0 0/.001px .001px"',
    ),
    "bg_layers": doc("", ' style="background:' + ",".join(["linear-gradient(red,blue)"] * 3000) + '"'),
    "images": doc(
        (
            '<image width="9" height="9" href="data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22 width=%221%22 height=%221%22/%3E"/>'
        )
        * 500
    ),
    "stops": doc(
        '<linearGradient id="g">'
        + '<stop offset=".5" stop-color="oklch(.5 .2 30)"/>' * 19000
        + '</linearGradient><rect width="32" height="32" fill="url(#g)"/>'
    ),
    "gradient_circle": doc(
        '<linearGradient id="a" href="#b"/><linearGradient id="b" href="#a"/><rect width="32" height="32" fill="url(#a)"/>'
    ),
    "switches": doc("<switch>" * 90 + '<rect width="9" height="9"/>' + "</switch>" * 90),
    "mask_alpha": doc(
        '<mask id="m"><rect width="9" height="9"/></mask>'
        + '<rect width="9" height="9" style="mask:url(#m) alpha"/>' * 4000
    ),
    "masks_made": doc('<rect width="9" height="9" style="mask-image:linear-gradient(red,blue)"/>' * 3000),
    "unscaled": doc('<rect width="9" height="9" stroke="red" vector-effect="non-scaling-stroke"/>' * 9000),
    "lang": doc("<style>:lang(de) rect{fill:red}</style>" + "<g>" * 90 + "<rect/>" * 9000 + "</g>" * 90),
    "attributes": (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect width="9" height="9" '
        + " ".join(f'a{i}="1"' for i in range(100000))
        + "/></svg>"
    ).encode(),
    "foreign": doc(
        '<foreignObject width="9" height="9">'
        + '<div xmlns="http://www.w3.org/1999/xhtml">' * 90
        + "</div>" * 90
        + "</foreignObject>"
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_svg_ends_soon_as_a_picture_or_with_an_error_of_its_kind(name: str) -> None:
    started = time.process_time()
    try:
        kind: str = decode_frames(HOSTILE[name])[0].format
    except HashingError as error:
        kind = error.kind
    assert kind in {"svg", "svg_refused", "svg_blank", "svg_partly_drawn", "decode_failed"}
    assert time.process_time() - started < MOST_CPU_S


def test_a_document_type_from_outside_is_not_read() -> None:
    assert decode_frames(HOSTILE["external_dtd"])[0].rgba[..., 3].any()


def test_entities_from_outside_and_such_as_multiply_are_refused() -> None:
    for name in ("external", "param", "laughs", "quadratic", "elements_by_entity"):
        with pytest.raises(HashingError) as caught:
            decode_frames(HOSTILE[name])
        assert caught.value.kind in {"svg_refused", "decode_failed"}
