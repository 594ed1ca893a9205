"""What can go wrong when the database is asked: one typed error for each thing the asker can mend."""

from __future__ import annotations

from samelook.errors import SamelookError


class InspectorError(SamelookError):
    """A question could not be answered; the message says what to do."""

    kind = "inspector_error"


class NoSuchSite(InspectorError):
    """The database knows no domain of that name."""

    kind = "no_such_site"


class NoSuchLook(InspectorError):
    """What was given is neither a picture nor a hash that leads to one."""

    kind = "no_such_look"


class BadQuestion(InspectorError):
    """An argument makes no sense: an unknown signal, a distance out of range, a page mark that is none."""

    kind = "bad_question"


class TookTooLong(InspectorError):
    """The question ran into the statement timeout, which keeps it from slowing the crawl."""

    kind = "took_too_long"


class NothingToInject(InspectorError):
    """The place that an error or result was to be put into does not exist yet."""

    kind = "nothing_to_inject_into"
