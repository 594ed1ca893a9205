from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from samelook.hashing.decode import DecodeLimits, decode
from samelook.hashing.errors import DecodeFailed, HashingError, SvgBlank, SvgPartlyDrawn, SvgRefused
from samelook.hashing.svg import drawn
from samelook.hashing.svg.rewrite import rewritten

NAMESPACE = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
RED = '<rect width="100%" height="100%" fill="red"/>'


def svg(attributes: str, body: str = RED) -> bytes:
    return f"<svg {NAMESPACE} {attributes}>{body}</svg>".encode()


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('viewBox="0 0 24 24"', (256, 256)),
        ('viewBox="0 0 20 10"', (256, 128)),
        ('viewBox="-5,-5,10,20"', (128, 256)),
        ('width="16" height="16"', (256, 256)),
        ('width="1000" height="500"', (256, 128)),
        ('width="1in" height="48pt"', (256, 171)),
        ('width="100%" height="100%" viewBox="0 0 1 2"', (128, 256)),
        ('width="10" viewBox="0 0 1 2"', (128, 256)),
        ('width="10" height="10" viewBox="0 0 1 2"', (256, 256)),
        ("", (256, 128)),
        ('viewBox="broken" width="-3"', (256, 128)),
        ('width="32"', (55, 256)),
        ('viewBox="0 0 200 1"', (256, 1)),
        ('width="9e99" height="1"', (256, 1)),
    ],
)
def test_the_longer_side_is_fixed_and_the_shape_kept(attributes: str, size: tuple[int, int]) -> None:
    picture = decode(svg(attributes))
    assert (picture.width, picture.height, picture.format, picture.frames) == (*size, "svg", 1)


def test_the_picture_is_drawn_on_nothing() -> None:
    picture = decode(svg('viewBox="0 0 8 8"', '<rect width="4" height="8" fill="#123456" opacity=".5"/>'))
    assert np.abs(picture.rgba[128, 20].astype(int) - (0x12, 0x34, 0x56, 128)).max() <= 1
    assert picture.rgba[128, 200].tolist() == [0, 0, 0, 0]


def test_a_document_keeps_its_styles_gradients_and_own_references() -> None:
    body = """<style>.a { fill: url(#g) }</style><defs>
    <linearGradient id="g"><stop stop-color="blue"/></linearGradient>
    <rect id="r" class="a" width="8" height="8"/></defs><use xlink:href="#r"/>"""
    assert decode(svg('viewBox="0 0 8 8"', body)).rgba[100, 100].tolist() == [0, 0, 255, 255]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_document_is_read_in_its_encoding(encoding: str) -> None:
    name = encoding.removesuffix("-sig")
    text = f'<?xml version="1.0" encoding="{name}"?><!-- é -->' + svg('id="é"').decode()
    assert decode(text.encode(encoding)).rgba[9, 9].tolist() == [255, 0, 0, 255]


def test_another_encoding_than_utf_8_is_not_believed() -> None:
    declared = '<?xml version="1.0" encoding="iso-8859-1"?>'
    assert decode((declared + svg("").decode()).encode()).rgba[9, 9].tolist() == [255, 0, 0, 255]
    with pytest.raises(DecodeFailed):
        decode((declared + svg('id="é"').decode()).encode("iso-8859-1"))


@pytest.mark.parametrize(
    "document",
    [
        b"<svg><rect width='256' height='256'/></svg>",
        b"\n<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'><rect width='9' height='9'/></svg>",
        b"<svg xmlns='http://www.w3.org/2000/svg'><rect a:b='c' width='9' height='9'/></svg>",
        b"<svg xmlns='http://www.w3.org/2000/svg'><rect width='9' height='9'/></svg><script/>",
    ],
)
def test_what_browsers_refuse_is_refused(document: bytes) -> None:
    with pytest.raises(DecodeFailed):
        decode(document)


def test_an_svg_of_no_size_is_blank_as_it_is_in_a_tab() -> None:
    with pytest.raises(SvgBlank):
        decode(
            b"<svg xmlns='http://www.w3.org/2000/svg' width='0' height='9'><rect width='9' height='9'/></svg>"
        )


def drawn_text(content: str) -> str:
    """The text that the renderer gets for an SVG of 64 by 64 with this content."""
    return rewritten(svg('viewBox="0 0 64 64"', content), DecodeLimits(), side=256).text


@pytest.mark.parametrize(
    ("inner", "is_dropped"),
    [
        ('<clipPath id="c"><rect width="64" height="64"/></clipPath>', True),
        ('<clipPath id="c"><path d="M64 0H0v64h64V0z"/></clipPath>', True),
        ('<clipPath id="c"><path d="M0 0H64H0V64H64Z"/></clipPath>', False),
        ('<clipPath id="c"><rect width="63" height="64"/></clipPath>', False),
        ('<clipPath id="c"><rect width="64" height="64" rx="9"/></clipPath>', False),
        ('<clipPath id="c"><rect width="64" height="64" transform="scale(.5)"/></clipPath>', False),
        ('<clipPath id="c"><rect width="64" height="64"/></clipPath><use href="#g" x="9"/>', False),
        (
            '<clipPath id="c"><rect width="64" height="64"/></clipPath><path style="mix-blend-mode:screen"/>',
            False,
        ),
    ],
)
def test_a_clip_that_holds_the_whole_picture_is_left_out(inner: str, *, is_dropped: bool) -> None:
    text = drawn_text(f'{inner}<g id="g" clip-path="url(#c)"><circle r="9"/></g>')
    assert ("clip-path:url" not in text) is is_dropped


def test_a_mask_that_holds_the_whole_picture_is_left_out() -> None:
    mask = (
        '<mask id="m" maskUnits="userSpaceOnUse" width="64" height="64">'
        '<path d="M0 0h64v64H0z" fill="{}"/></mask>'
    )
    shown = '<circle r="9" mask="url(#m)"/>'
    assert "mask:url" not in drawn_text(mask.format("white") + shown)
    assert "mask:url" in drawn_text(mask.format("#ddd") + shown)


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("@media (width >= 10px) and (10px &lt; height &lt;= 90px){rect{fill:#010203}}", "#010203"),
        ("@supports not (display: foo){rect{fill:#010203}}", "#010203"),
        ("rect{color:#800080;fill:color-mix(in srgb, currentColor, white)}", "#c080c0"),
        ("rect{fill:#010203}[id=r s]{fill:red}", "#010203"),
        ("rect{fill:#010203}s|rect{fill:red}@namespace s url(http://www.w3.org/2000/svg);", "#010203"),
        ("@namespace s url(http://www.w3.org/2000/svg);s|rect{fill:#010203}", "#010203"),
        ("rect{fill:#010203;fill:rgb(300, -5, 50%);fill:hsl(1 2 3, 4);fill:rgb(1 2, 3)}", "#010203"),
        ("@scope (g) to (.a){rect{fill:#010203}}", "#010203"),
        ("rect:dir(ltr){fill:#010203}rect:dir(rtl),rect:read-only{fill:red}", "#010203"),
        ("rect{fill:#010203}rect:not(x|g){fill:red}", "#010203"),
    ],
)
def test_styles_as_chromium_reads_them(style: str, expected: str) -> None:
    text = drawn_text(f'<style>{style}</style><g class="a"><rect id="r" width="64" height="64"/></g>')
    assert f"fill:{expected}" in text


def test_rounding_takes_its_way_first() -> None:
    text = drawn_text("<rect style='width:round(up, 33px, 8px);height:round(down, 33px, 8px)'/>")
    assert 'width="40"' in text
    assert 'height="32"' in text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("calc(10px / 1px * 1px)", "10"),
        ("calc(sin(pi / 2) * 7px)", "7"),
        ("hypot(3px, 4px)", "5"),
        ("mod(-7px, 3px)", "2"),
        ("calc(1px * 2px)", "9"),
        ("calc(1px + 1)", "9"),
        ("abs(-1rad)", "9"),
        ("calc(5)", "9"),
        ("calc(1px * max(0 / 0, 0))", "0"),
        ("round(up, 1px, 0px)", "0"),
    ],
)
def test_lengths_are_reckoned_by_kind(value: str, expected: str) -> None:
    text = drawn_text(f'<rect height="64" style="width:9px;width:{value}"/>')
    assert f' width="{expected}"' in text.partition("<rect")[2]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("color-mix(in lch, lch(10 20 30deg), lch(50 60 70deg))", "#713517"),
        ("color-mix(in hsl, hsl(none none none), hsl(30deg 40% 80%))", "#e0ccb8"),
        ("color-mix(in hwb foo, red, blue)", "#010203"),
        ("lab(from lab(25 20 50) l b a)", "#7d0021"),
        ("hsl(120, 200%, 25%)", "#008000"),
    ],
)
def test_colours_are_mixed_in_every_space(value: str, expected: str) -> None:
    assert f"fill:{expected}" in drawn_text(f'<rect height="64" style="fill:#010203;fill:{value}"/>')


def test_tiles_of_a_pattern_come_again_where_they_should() -> None:
    # A tile of 25.6 pixels: the renderer repeats whole ones only.
    tile = '<rect width="10" height="20"/>'
    pattern = f'<pattern id="p" patternUnits="userSpaceOnUse" width="20" height="20">{tile}</pattern>'
    picture = decode(
        svg('viewBox="0 0 200 200"', pattern + '<rect width="200" height="200" fill="url(#p)"/>')
    )
    rows = picture.rgba[100, :, 3] > 128
    expected = (np.arange(256) + 0.5) / 1.28 % 20 < 10
    assert (rows != expected).mean() < 0.02


@pytest.mark.parametrize(("anchor", "moved"), [("start", 0), ("middle", 10), ("end", 20)])
def test_the_space_behind_the_last_letter_counts_in_a_text_with_an_anchor(anchor: str, moved: int) -> None:
    words = f'x="50%" y="40" text-anchor="{anchor}" letter-spacing="20"'
    text = drawn_text(f"<text {words}>A</text>")
    assert (f"translate(-{moved} 0)" in text) is (moved > 0)


def test_a_clip_of_the_root_is_applied() -> None:
    clip = '<clipPath id="c"><path d="M0 0h32v64H0z"/></clipPath><rect width="64" height="64"/>'
    picture = decode(svg('viewBox="0 0 64 64" clip-path="url(#c)"', clip))
    assert picture.rgba[9, [9, 250], 3].tolist() == [255, 0]


def test_a_ground_that_cannot_be_drawn_is_told_where_there_is_nothing_else() -> None:
    with pytest.raises(SvgPartlyDrawn):
        decode(svg("", "<style>svg{background:linear-gradient(to right in oklch, red, blue)}</style>"))


def test_space_before_the_root_is_allowed() -> None:
    document = (
        b" \n<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'><rect width='9' height='9'/></svg>"
    )
    assert decode(document).rgba[5, 5, 3] == 255


def test_a_drawing_programs_entities_are_put_in() -> None:
    head = (
        b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x.dtd" [<!ENTITY ns "http://www.w3.org/2000/svg">]>'
    )
    picture = decode(head + b'<svg xmlns="&ns;" viewBox="0 0 1 1"><rect width="1" height="1"/></svg>')
    assert picture.rgba[7, 7].tolist() == [0, 0, 0, 255]


@pytest.mark.parametrize(
    "declaration",
    [
        '<!ENTITY x SYSTEM "file:///etc/passwd">',
        '<!ENTITY x PUBLIC "a" "http://192.0.2.1/">',
        '<!ENTITY % x SYSTEM "http://192.0.2.1/x.dtd"> %x;',
    ],
)
def test_entities_from_outside_are_refused(declaration: str) -> None:
    with pytest.raises(SvgRefused):
        decode(
            f"<!DOCTYPE svg [{declaration}]><svg xmlns='http://www.w3.org/2000/svg'><text>&x;</text></svg>".encode()
        )


def test_entities_of_others_and_of_markup_are_put_in() -> None:
    declared = "<!ENTITY a \"16\"><!ENTITY x \"<rect width='&a;' height='&a;'/>\">"
    document = (
        f"<!DOCTYPE svg [{declared}]><svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'>&x;</svg>"
    )
    shown = decode(document.encode()).rgba
    assert shown[100, 100].tolist() == [0, 0, 0, 255]
    assert shown[200, 200, 3] == 0


def test_one_long_entity_many_times_is_refused() -> None:
    long = "a" * 100_000
    document = f'<!DOCTYPE svg [<!ENTITY x "{long}">]><svg><desc>{"&x;" * 1000}</desc></svg>'
    with pytest.raises(HashingError) as caught:
        decode(document.encode())
    assert caught.value.kind in {"svg_refused", "decode_failed"}


@pytest.mark.parametrize(
    "reference", ["{path}", "file://{path}", "&#47;{path}", "http://192.0.2.1/a.png", "x.png"]
)
@pytest.mark.parametrize("attribute", ["href", "xlink:href"])
@pytest.mark.parametrize("element", ["image", "feImage"])
def test_no_file_and_no_address_is_opened(
    reference: str, attribute: str, element: str, tmp_path: Path
) -> None:
    from PIL import Image

    path = tmp_path / "secret.png"
    Image.new("RGB", (9, 9), (0, 255, 0)).save(path)
    tag = f'<{element} {attribute}="{reference.format(path=path)}" width="100" height="100"/>'
    body = (
        tag
        if element == "image"
        else f'<filter id="f">{tag}</filter><rect filter="url(#f)" width="99" height="99"/>'
    )
    shown = drawn(svg('viewBox="0 0 100 100"', body), DecodeLimits()).picture
    assert not (shown.rgba[..., 1] > 128).any()


def test_an_embedded_picture_is_drawn() -> None:
    import base64
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (9, 9), (0, 255, 0)).save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    body = f'<image xlink:href="data:image/png;base64,{data}" width="100" height="100"/>'
    assert decode(svg('viewBox="0 0 100 100"', body)).rgba[50, 50].tolist() == [0, 255, 0, 255]


def test_a_nested_document_opens_no_file_either(tmp_path: Path) -> None:
    import base64

    from PIL import Image

    Image.new("RGB", (9, 9), (0, 255, 0)).save(tmp_path / "secret.png")
    inner = base64.b64encode(
        svg('width="9" height="9"', f'<image xlink:href="{tmp_path}/secret.png" width="9" height="9"/>')
    ).decode()
    body = f'<image xlink:href="data:image/svg+xml;base64,{inner}" width="100" height="100"/>'
    with pytest.raises((SvgBlank, SvgPartlyDrawn)):
        decode(svg('viewBox="0 0 100 100"', body))


def test_scripts_and_elements_of_other_languages_are_left_out() -> None:
    body = '<script>alert("&lt;")</script><x xmlns="urn:x"><rect width="9" height="9"/></x>' + RED
    assert decode(svg('viewBox="0 0 8 8"', body)).rgba[5, 5].tolist() == [255, 0, 0, 255]


def test_text_is_drawn_with_the_fonts_of_the_package() -> None:
    emoji = decode(svg('viewBox="0 0 100 100"', '<text y=".9em" font-size="90">🎯</text>'))
    assert emoji.rgba[128, 110, 0] > 200
    letter = decode(
        svg('viewBox="0 0 64 64"', '<text x="8" y="56" font-family="Arial" font-size="64">I</text>')
    )
    assert letter.rgba[128, 68].tolist() == [0, 0, 0, 255]


def test_text_in_a_script_without_a_font_is_told_to_be_missing() -> None:
    with pytest.raises(SvgPartlyDrawn) as caught:
        decode(svg('viewBox="0 0 100 100"', '<text y=".9em" font-size="90">本</text>'))
    assert caught.value.detail == {"missing": "text"}
    hidden = '<g style="display:none"><text y="9">本</text></g>' + RED
    assert decode(svg('viewBox="0 0 8 8"', hidden)).rgba[5, 5].tolist() == [255, 0, 0, 255]


LIT = '<filter id="f"><feDiffuseLighting surfaceScale="5"><fePointLight z="9"/></feDiffuseLighting></filter>'
BAR = '<div xmlns="http://www.w3.org/1999/xhtml" style="height:4px;border-left:4px solid red"></div>'


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        ('<text y="7" font-size="8">🇩🇪</text>', "text"),
        ('<text y="7" font-size="8">📦</text>', "text"),
        ('<text y="7" font-size="8" font-variant="small-caps">ab</text>', "small capitals"),
        (f"<style>rect{{x:calc(sibling-index()*4px)}}</style>{RED}", "sibling-index()"),
        (f'{LIT}<circle cx="4" cy="4" r="3" filter="url(#f)"/>', "filter"),
        (f'<foreignObject width="8" height="8">{BAR}</foreignObject>', "foreignObject"),
    ],
)
def test_what_is_drawn_otherwise_than_browsers_draw_it_is_told(body: str, missing: str) -> None:
    with pytest.raises(SvgPartlyDrawn) as caught:
        decode(svg('viewBox="0 0 8 8" width="8" height="8"', body))
    assert caught.value.detail == {"missing": missing}


@pytest.mark.parametrize("body", ["", '<rect width="8" height="8" fill="none"/>', "<defs>" + RED + "</defs>"])
def test_a_blank_picture_is_an_error_of_its_own(body: str) -> None:
    with pytest.raises(SvgBlank):
        decode(svg('viewBox="0 0 8 8"', body))
    with pytest.raises(SvgBlank):
        decode(svg('viewBox="0 0 0 8"', RED))


def test_elements_and_depth_are_bounded() -> None:
    with pytest.raises(SvgRefused, match="elements"):
        decode(svg("", "<g/>" * 20_001))
    with pytest.raises(SvgRefused, match="levels"):
        decode(svg("", "<g>" * 100_000 + "</g>" * 100_000))
    with pytest.raises(SvgRefused):
        decode(svg("", "<g><g/></g>"), DecodeLimits(max_svg_depth=2))


@pytest.mark.parametrize("content", [b">", b"><g></svg>", b">&nbsp;</svg>", b" a=1/>", b">\xff</svg>"])
def test_what_is_not_well_formed_cannot_be_decoded(content: bytes) -> None:
    with pytest.raises(DecodeFailed):
        decode(b"<svg xmlns='http://www.w3.org/2000/svg'" + content)


def test_attributes_and_text_survive_the_copy() -> None:
    body = '<g id="a&amp;&quot;&#39;&lt;&#10;"><desc>&lt;/svg&gt; &amp; ]]&gt;</desc></g>' + RED
    assert decode(svg('viewBox="0 0 8 8"', body)).rgba[5, 5].tolist() == [255, 0, 0, 255]
