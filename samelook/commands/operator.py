"""`samelook site`, `reports`, `families` and `catalogue`: what an operator decides, each act audited."""

from __future__ import annotations

import json as json_module
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from samelook.terminal.console import counted, say

if TYPE_CHECKING:
    from samelook.extension_api.operator import Act
    from samelook.sql.pool import OwnConnection

_T = TypeVar("_T")
_MOST_FILE_BYTES = 64 * 1024 * 1024
_SHOWN = 20
_HASH_BYTES = 32

site_app = typer.Typer(
    help="Decide about sites: allow, block, say which are one family, or forget what you said.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    epilog="""Every act is kept with who, when and why: `samelook inspect audit`.

    samelook site allow partner.example --for 30d --note 'dealer of ours, ticket 17'

    samelook site block lumora-secure.example

    samelook site family lumora.example lumora-mail.example""",
)
reports_app = typer.Typer(help="What people reported: list it, or disagree with it.", no_args_is_help=True)
families_app = typer.Typer(
    help="Which sites are one organisation: import public lists.", no_args_is_help=True
)
catalogue_app = typer.Typer(
    help="The catalogue of common looks, which strangers show for good reasons: see it, add to it.",
    no_args_is_help=True,
)

NoteOption = Annotated[str, typer.Option("--note", help="Why; kept in the audit.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
SiteArgument = Annotated[str, typer.Argument(metavar="SITE", help="A site's name, or a URL of it.")]
ForOption = Annotated[
    str | None,
    typer.Option("--for", help="For how long: 12h, 30d. Default: until it is forgotten.", show_default=False),
]


@site_app.command("allow")
def allow(
    site: SiteArgument, *, lasts: ForOption = None, note: NoteOption = "", json: JsonOption = False
) -> None:
    """Trust a site whatever it shows.

    For example:

        samelook site allow partner.example --for 30d --note 'ticket 17'
    """
    _list(site, "allow", lasts, note, as_json=json)


@site_app.command("block")
def block(
    site: SiteArgument, *, lasts: ForOption = None, note: NoteOption = "", json: JsonOption = False
) -> None:
    """Lock a site whatever it shows.

    For example:

        samelook site block lumora-secure.example --note 'reported by the bank'
    """
    _list(site, "block", lasts, note, as_json=json)


@site_app.command("forget")
def forget(site: SiteArgument, *, note: NoteOption = "", json: JsonOption = False) -> None:
    """Take back what you said of a site: off both lists, and out of the families that you stated.

    For example:

        samelook site forget partner.example
    """
    from samelook.extension_api.operator import forget_site

    forgotten = _done(lambda connection: forget_site(connection, site, _act(note)))
    _say({"site": forgotten, "list": None}, f"{forgotten} is on no list.", as_json=json)


@site_app.command("family")
def family(
    sites: Annotated[list[str], typer.Argument(metavar="SITE", help="Sites of one organisation.")],
    *,
    unrelated: Annotated[
        bool, typer.Option("--unrelated", help="No two of them are; it goes before what lists say.")
    ] = False,
    note: NoteOption = "",
    json: JsonOption = False,
) -> None:
    """State that sites are one organisation, so that none is a copy of another.

    For example:

        samelook site family lumora.example lumora-mail.example --note 'their mail'

        samelook site family --unrelated lumora.example lumora-club.example
    """
    from samelook.extension_api.operator import state_family

    stated = _done(lambda connection: state_family(connection, sites, _act(note), related=not unrelated))
    relation = "are not related" if unrelated else "are one family"
    _say({"sites": stated, "related": not unrelated}, f"{', '.join(stated)} {relation}.", as_json=json)


@reports_app.command("dismiss")
def dismiss(site: SiteArgument, *, note: NoteOption = "", json: JsonOption = False) -> None:
    """Disagree with all reports on a site so far: they weigh nothing any more.

    For example:

        samelook reports dismiss lumora.example --note 'a flood from one network'
    """
    from samelook.extension_api.operator import dismiss_reports

    name, count = _done(lambda connection: dismiss_reports(connection, site, _act(note)))
    _say({"site": name, "dismissed": count}, f"{counted(count, 'report')} on {name} dismissed.", as_json=json)


@families_app.command("import")
def import_families(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The list, as JSON.", show_default=False)],
    *,
    name: Annotated[
        str | None, typer.Option("--name", help="What the list is called. Default: the file's name.")
    ] = None,
    note: NoteOption = "",
    json: JsonOption = False,
) -> None:
    """Take over a public list of domains that belong together, in the place of its former state.

    Known are Apple's shared-credentials.json, Disconnect's entities.json and DuckDuckGo's entity_map.json.
    Groups of more than 300 sites, without a ranked one, or that join two well-known organisations are
    refused: a wrong family would hide phishing.

    For example:

        samelook families import shared-credentials.json --name apple
    """
    from samelook.extension_api import operator
    from samelook.facts.family_lists import groups_in

    groups = groups_in(_text_of(file))
    source = name or file.name
    found = _done(lambda connection: operator.import_families(connection, groups, source, _act(note)))
    refused = [
        {"group": refusal.group.name, "sites": len(refusal.group.sites), "why": refusal.why}
        for refusal in found.refused
    ]
    summary = {
        "source": source,
        "families": len(found.taken),
        "sites": sum(len(group.sites) for group in found.taken),
        "refused": refused,
        "replaced": found.replaced,
    }
    refusals = counted(len(refused), "group")
    lines = [f"{source}: {counted(len(found.taken), 'family', 'families')}, {refusals} refused."]
    lines += _some(
        [
            f"  {refusal.group.name} ({counted(len(refusal.group.sites), 'site')}): {refusal.why}"
            for refusal in found.refused
        ]
    )
    _say(summary, "\n".join(lines), as_json=json)


@catalogue_app.command("import")
def import_catalogue(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The list.", show_default=False)],
    *,
    name: Annotated[
        str | None, typer.Option("--name", help="What the list is called. Default: the file's name.")
    ] = None,
    note: NoteOption = "",
    json: JsonOption = False,
) -> None:
    """Take over a public list of software or of its default icons, in the place of its former state.

    Known are Recog's favicons (XML, by MD5) and lines of DOMAIN, tab, PRODUCT. An entry that is a protected
    brand, or whose icon a protected site wears, is refused.

    For example:

        samelook catalogue import favicons.xml --name recog
    """
    from samelook.extension_api import operator
    from samelook.facts.catalogue_lists import entries_in

    entries = entries_in(_text_of(file))
    source = name or file.name
    found = _done(lambda connection: operator.import_catalogue(connection, entries, source, _act(note)))
    summary = {
        "source": source,
        "vendors": found.vendors,
        "pictures": found.pictures,
        "refused": [{"entry": refusal.entry, "why": refusal.why} for refusal in found.refused],
        "left_out": list(found.left_out),
    }
    counts = f"{counted(found.vendors, 'vendor')}, {counted(found.pictures, 'default icon')}"
    lines = [f"{source}: {counts}; {len(found.refused)} refused, {len(found.left_out)} not understood."]
    lines += _some([f"  refused {refusal.entry}: {refusal.why}" for refusal in found.refused])
    _say(summary, "\n".join(lines), as_json=json)


@catalogue_app.command("add")
def add_common(
    product: Annotated[
        str, typer.Argument(metavar="PRODUCT", help="Whose default it is.", show_default=False)
    ],
    *,
    picture: Annotated[
        str,
        typer.Option("--picture", metavar="SHA256", help="As `inspect common` shows it.", show_default=False),
    ],
    note: NoteOption = "",
    json: JsonOption = False,
) -> None:
    """Take an icon that the crawl knows into the catalogue. While another ranked site wears it, it waits.

    For example:

        samelook catalogue add 'Toy Panel' --picture 3f5a… --note 'looked at by hand'
    """
    from samelook.extension_api.operator import add_common_picture

    try:
        digest = bytes.fromhex(picture)
    except ValueError:
        digest = b""
    if len(digest) != _HASH_BYTES or not product.strip():
        raise typer.BadParameter("give a product and a SHA-256 of 64 hex digits", param_hint="--picture")
    name = product.strip()
    _done(lambda connection: add_common_picture(connection, name, digest, _act(note)))
    _say({"product": name, "sha256": digest.hex()}, f"{digest.hex()} is a default of {name}.", as_json=json)


@catalogue_app.command("forget")
def forget_common(
    product: Annotated[str, typer.Argument(metavar="PRODUCT", show_default=False)],
    *,
    note: NoteOption = "",
    json: JsonOption = False,
) -> None:
    """Take what was added for a product out of the catalogue; what comes with the package stays.

    For example:

        samelook catalogue forget 'Toy Panel'
    """
    from samelook.extension_api.operator import forget_product

    count = _done(lambda connection: forget_product(connection, product, _act(note)))
    _say(
        {"product": product, "forgotten": count},
        f"{counted(count, 'entry', 'entries')} of {product} forgotten.",
        as_json=json,
    )


def _list(site: str, which: Any, lasts: str | None, note: str, *, as_json: bool) -> None:
    from samelook.extension_api.operator import list_site
    from samelook.terminal.spans import span_of

    expires_s = None if lasts is None else span_of(lasts, "--for").total_seconds()
    if expires_s == 0:
        raise typer.BadParameter("an entry lasts at least a second", param_hint="--for")
    name = _done(lambda connection: list_site(connection, site, which, _act(note), expires_s=expires_s))
    until = f" for {lasts}" if lasts else ""
    _say(
        {"site": name, "list": which, "expires_s": expires_s}, f"{name} is {which}ed{until}.", as_json=as_json
    )


def _act(note: str) -> Act:
    from samelook.extension_api.operator import Act
    from samelook.sql.audit import account

    return Act(account(), note)


def _done(act: Callable[[OwnConnection], Awaitable[_T]]) -> _T:
    from samelook.postgres.configured import configured_database
    from samelook.processes.running import run_async
    from samelook.settings import load_settings
    from samelook.sql.pool import open_connection

    settings = load_settings()

    async def run(url: str) -> _T:
        async with open_connection(settings.database_at(url)) as connection:
            return await act(connection)

    with configured_database(settings) as url:
        done: _T = run_async(run(url))
    return done


def _text_of(file: Path) -> str:
    try:
        if file.stat().st_size > _MOST_FILE_BYTES:
            raise typer.BadParameter(f"{file} has more than {_MOST_FILE_BYTES:,} bytes", param_hint="FILE")
        return file.read_text("utf-8-sig")
    except OSError as error:
        raise typer.BadParameter(f"{file}: {error.strerror}", param_hint="FILE") from error
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{file} is no text in UTF-8", param_hint="FILE") from error


def _some(lines: list[str]) -> list[str]:
    more = len(lines) - _SHOWN
    return lines[:_SHOWN] + ([f"  … and {more} more; --json shows all"] if more > 0 else [])


def _say(value: dict[str, Any], text: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json_module.dumps(value))
    else:
        say(text)
