"""Why something cannot be done with an exchange: one leaf for each cause that a caller can act on."""

from __future__ import annotations

from samelook.errors import SamelookError


class ExchangeError(SamelookError):
    """Something asked of an exchange cannot be done.

    `kind` is a stable word for programs, the message is for people, and `detail` holds JSON-ready facts.
    No message or detail ever holds a credential.
    """

    kind = "exchange_error"


class LibraryMissing(ExchangeError):
    """A package that exchanges need is not installed."""

    kind = "exchange_library_missing"


class BadExtension(ExchangeError):
    """A class or module that the settings name cannot be loaded."""

    kind = "bad_exchange_extension"


class UnknownExchange(ExchangeError):
    """There is no exchange of that name."""

    kind = "unknown_exchange"


class UnknownExchangeType(ExchangeError):
    """No exchange type has that name."""

    kind = "unknown_exchange_type"


class ExchangeExists(ExchangeError):
    """The name is taken, by an exchange or by a bank."""

    kind = "exchange_exists"


class BadExchange(ExchangeError):
    """The configuration is not what the exchange type takes."""

    kind = "bad_exchange"


class BadCredentials(ExchangeError):
    """The credentials are not what the exchange type takes."""

    kind = "bad_credentials"


class CredentialsLocked(ExchangeError):
    """Stored credentials cannot be read, or not be written: the key is missing or another one."""

    kind = "credentials_locked"


class BadOpinion(ExchangeError):
    """What is to be said of a signal cannot be."""

    kind = "bad_opinion"


class FetchedElsewhere(ExchangeError):
    """Another process fetches this exchange just now."""

    kind = "fetched_elsewhere"


class FetchFailed(ExchangeError):
    """A fetch ended before its end; what was committed stays."""

    kind = "exchange_fetch_failed"


class SourceUnreachable(FetchFailed):
    """The source did not answer, or answered with an error of its own."""

    kind = "source_unreachable"


class SourceRefused(FetchFailed):
    """The source does not accept the credentials, or there are none."""

    kind = "source_refused"


class SourceBusy(FetchFailed):
    """The source asks to come back later."""

    kind = "source_busy"


class MalformedPage(FetchFailed):
    """The source sent a page that cannot be read, again and again."""

    kind = "malformed_page"


class AnswerTooLarge(FetchFailed):
    """The source's answer needs more memory than a fetching process may take."""

    kind = "answer_too_large"


class NothingUsable(FetchFailed):
    """Everything was read from the beginning, and none of it is a signal of a type that is known here."""

    kind = "nothing_usable"


class Flooded(FetchFailed):
    """The exchange brought so much more than usual that a person is to look at it first."""

    kind = "flooded"


class ExchangeHeld(ExchangeError):
    """Nothing is fetched, as a flood is held until a person releases it."""

    kind = "exchange_held"


class WorkerHung(FetchFailed):
    """The fetching process said nothing for too long and was killed."""

    kind = "exchange_worker_hung"


class WorkerDied(FetchFailed):
    """The fetching process ended by itself."""

    kind = "exchange_worker_died"


class Superseded(FetchFailed):
    """The exchange was disabled, removed or taken over by another fetcher meanwhile."""

    kind = "superseded"


FAILURES_BY_KIND: dict[str, type[FetchFailed]] = {
    failure.kind: failure
    for failure in (SourceBusy, SourceRefused, SourceUnreachable, MalformedPage, AnswerTooLarge)
}
"""What a fetching process may say that an exchange did."""
