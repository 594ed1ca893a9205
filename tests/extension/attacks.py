"""Pages that wear another site's face and fight: against being judged, locked and left."""

from __future__ import annotations

import base64
import io

from PIL import Image

from samelook.demo.sample_web.sample_site import Kind, SampleAnswer, SampleSite
from tests.fixtures.crawled import SITE_BY_HOST

OWNER = "lumora.example"
ROBBED = "harmless-thing.example"
"""An unranked site with an icon like nobody's."""


def _owners_icon() -> bytes:
    site = SITE_BY_HOST[OWNER]
    path = next(path for path in site.files if path.endswith(".png"))
    return site.files[path].data


ICON = _owners_icon()
DATA_URL = "data:image/png;base64," + base64.b64encode(ICON).decode()
FORM = """<form><input name=user id=user autofocus><input type=password id=password>
<button>Sign in</button></form>"""
KEYS = """<script>window.keys=[];for (const type of ['keydown','beforeinput','input','paste'])
addEventListener(type, event => keys.push(type), true)</script>"""


def _own_icon() -> bytes:
    """Diagonal stripes, which no logo of the sample web has."""
    image = Image.new("RGB", (32, 32))
    image.putdata(
        [
            ((x * y * 7) % 256, (x * 37 + y * 11) % 256, (x * x + y * 91) % 256)
            for y in range(32)
            for x in range(32)
        ]
    )
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _hues_turned() -> bytes:
    """The owner's icon in other colours: the mark is the owner's, the look is nobody's."""
    red, green, blue, alpha = Image.open(io.BytesIO(ICON)).convert("RGBA").split()
    buffer = io.BytesIO()
    Image.merge("RGBA", (blue, red, green, alpha)).save(buffer, "PNG")
    return buffer.getvalue()


MARK = _hues_turned()
TITLE = "Sign in to your account - Lumora"


def _svg() -> bytes:
    return f"""<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
viewBox="0 0 64 64">
<image width="64" height="64" xlink:href="{DATA_URL}"/></svg>""".encode()


def _site(
    name: str,
    body: str,
    head: str = '<link rel="icon" href="/icon.png">',
    icon: bytes = ICON,
    title: str = "",
) -> SampleSite:
    page = f"<!doctype html><title>{title or name}</title>{KEYS}{head}<body>{body}</body>"
    return SampleSite(
        host=f"{name}.example",
        kind=Kind.HOSTILE,
        title=name,
        about="",
        answers={
            "/": SampleAnswer(page.encode()),
            "/icon.png": SampleAnswer(icon, content_type="image/png"),
            "/icon.svg": SampleAnswer(_svg(), content_type="image/svg+xml"),
            "/later.png": SampleAnswer(ICON, content_type="image/png"),
            "/own.png": SampleAnswer(_own_icon(), content_type="image/png"),
            "/inner": SampleAnswer(f"<!doctype html>{KEYS}{FORM}".encode()),
        },
    )


def _script(code: str) -> str:
    return f"{FORM}<script>{code}</script>"


ATTACKS = (
    # The owner's mark in other colours, and the owner's name in the address or in the title.
    _site("lum0ra-rewards", FORM, icon=MARK),
    _site("quiet-harbour", FORM, icon=MARK, title=TITLE),
    _site(
        "quiet-meadow",
        """<button onclick="const field = document.createElement('input'); field.type = 'password';
        document.body.append(field); field.focus()">Next</button>""",
        icon=MARK,
        title=TITLE,
    ),
    _site(
        "quiet-forest",
        f"""{FORM}<script>setTimeout(() => document.title = {TITLE!r}, 1200)</script>""",
        icon=MARK,
        title="Loading",
    ),
    _site("quiet-orchard", FORM, icon=_own_icon(), title="Lumora, and what we think of it"),
    _site("quiet-river", FORM, icon=MARK, title="Boats for rent"),
    _site("by-svg", FORM, '<link rel="icon" type="image/svg+xml" href="/icon.svg">'),
    _site(
        "by-script",
        _script(
            f"""const image = new Image(); image.onload = () => {{
              const canvas = document.createElement('canvas'); canvas.width = canvas.height = 32;
              canvas.getContext('2d').drawImage(image, 0, 0, 32, 32);
              const link = document.createElement('link'); link.rel = 'icon'; link.href = canvas.toDataURL();
              document.head.append(link);
            }}; image.src = '{DATA_URL}';"""
        ),
        "",
    ),
    _site(
        "by-swap",
        _script("setTimeout(() => document.querySelector('link').href = '/later.png', 1500)"),
        '<link rel="icon" href="/own.png">',
    ),
    _site("in-frame", '<h1>Welcome</h1><iframe src="http://in-frame-inner.example/inner"></iframe>'),
    _site("in-frame-inner", ""),
    _site(
        "late-field",
        """<h1>Loading</h1><script>setTimeout(() => {
          const host = document.createElement('div'); document.body.append(host);
          host.attachShadow({mode: 'closed'}).innerHTML = '<input type=password>';
        }, 1500)</script>""",
    ),
    # A site that was locked leads to the lock page for as long as the browser runs: each test has its own.
    *(_site(f"to-{end}", FORM) for end in ("leave", "view", "return", "unlock", "wait")),
    _site("nothing-asked", "<h1>Only words</h1>"),
    _site(
        "asks-to-stay",
        _script(
            """setInterval(() => onbeforeunload = event => { event.preventDefault(); return 'stay' }, 1);
            addEventListener('beforeunload',
              event => { event.preventDefault(); event.returnValue = 'stay' });"""
        ),
    ),
    _site(
        "location-war",
        _script(
            """let at; const war = () => at ??= setInterval(() => location.href = '/?' + Math.random(), 30);
            new MutationObserver(war).observe(document.documentElement, {childList: true});
            addEventListener('keydown', war); setTimeout(war, 20000)"""
        ),
    ),
    _site(
        "writes-anew",
        _script(
            """setInterval(() => { document.open(); document.write('<link rel=icon href=/icon.png>' +
            '<input id=user><input type=password id=password>'); document.close(); }, 300)"""
        ),
    ),
    _site("alert-loop", _script("setTimeout(() => { for (;;) alert('Call this number') }, 1500)")),
    _site("busy-loop", _script("setTimeout(() => { for (;;); }, 2500)")),
    _site(
        "late-frames",
        _script(
            """setInterval(() => { const frame = document.createElement('iframe'); frame.src = '/inner';
            document.body.append(frame) }, 200)"""
        ),
    ),
    # Writes its form into a window that it opened, whose address is about:blank.
    _site(
        "by-window",
        """<h1>Welcome</h1><script>const opened = open('about:blank', '', 'width=300,height=300');
        if (opened) opened.document.write('<title>by-window</title><input><input type=password>')</script>""",
    ),
    # Draws its fields itself.
    _site(
        "by-canvas",
        """<canvas id=canvas tabindex=0 width=200 height=40></canvas>
        <script>canvas.editContext = new EditContext()</script>""",
    ),
    SampleSite(
        host=ROBBED,
        kind=Kind.HOSTILE,
        title="harmless",
        about="",
        answers={
            "/": SampleAnswer(
                f'<!doctype html><title>h</title>{KEYS}<link rel="icon" href="/own.png">{FORM}'.encode()
            ),
            "/own.png": SampleAnswer(_own_icon(), content_type="image/png"),
        },
    ),
)
