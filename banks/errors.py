"""Why something cannot be done to a bank: one leaf for each cause that a caller can act on."""

from __future__ import annotations

from samelook.errors import SamelookError


class BankError(SamelookError):
    """Something asked of a bank cannot be done.

    `kind` is a stable word for programs, the message is for people, and `detail` holds JSON-ready facts.
    """

    kind = "bank_error"


class BadSignal(BankError):
    """A value is no signal of its type."""

    kind = "bad_signal"


class BadRadius(BankError):
    """So far apart, signals of this type are together by chance only."""

    kind = "bad_radius"


class UnknownSignalType(BankError):
    """There is no signal type of that name."""

    kind = "unknown_signal_type"


class SignalTypeDisabled(BankError):
    """The signal type is switched off."""

    kind = "signal_type_disabled"


class BadBank(BankError):
    """A bank's name or properties are not allowed."""

    kind = "bad_bank"


class BadContent(BankError):
    """A content's properties are not allowed."""

    kind = "bad_content"


class BankExists(BankError):
    """The name is taken."""

    kind = "bank_exists"


class UnknownBank(BankError):
    """There is no bank of that name."""

    kind = "unknown_bank"


class UnknownContent(BankError):
    """The bank holds no such content."""

    kind = "unknown_content"


class UnknownSignal(BankError):
    """No such signal was ever banked."""

    kind = "unknown_signal"


class ReadOnlyBank(BankError):
    """The bank belongs to the crawl or to an exchange, which alone writes to it."""

    kind = "read_only_bank"


class BadCursor(BankError):
    """A page token or a position in the changes was not given out here, or is too old."""

    kind = "bad_cursor"


class BadHashList(BankError):
    """A file of hashes that the settings name cannot be used."""

    kind = "bad_list"
