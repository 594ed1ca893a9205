"""The HTML pages of the sample web."""

from __future__ import annotations

from html import escape

from samelook.demo.sample_web.sample_site import Kind, SampleSite

_STYLE = (
    "body{font:16px/1.6 Georgia,serif;max-width:46rem;margin:3rem auto;padding:0 1rem;color:#222}"
    "nav a{margin-right:1rem}footer{margin-top:4rem;color:#777;font-size:.85rem}"
)


def home_page(site: SampleSite, *, charset: str = "utf-8") -> str:
    """The site's front page: its own head and body inside what such pages have in common."""
    return page(site.title, site.about, head=site.head, body=site.body + _form_of(site), charset=charset)


def page(title: str, about: str, *, head: str = "", body: str = "", charset: str = "utf-8") -> str:
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="{charset}">
<title>{escape(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="{escape(about)}">
{head}
<style>{_STYLE}</style>
</head>
<body>
<nav><a href="/">Home</a><a href="/about">About</a><a href="/help">Help</a></nav>
<main>
<h1>{escape(title)}</h1>
<p>{escape(about)}</p>
{body}
<p>This page belongs to a made-up web for trying out Samelook. Nobody stands behind it.</p>
</main>
<footer>{escape(title)} is an invented name.</footer>
</body>
</html>
"""


def _form_of(site: SampleSite) -> str:
    if site.kind is not Kind.IMPERSONATOR:
        return ""
    return (
        '<form method="post" action="/session"><label>User name <input name="user"></label> '
        '<label>Password <input name="password" type="password"></label> <button>Sign in</button></form>'
    )
