"""What is said of an error that the system raised."""

from __future__ import annotations

import socket
import ssl

import pytest

from samelook.errors import reason_of


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(111, "Connect call failed ('127.0.0.1', 5432)"), "Connection refused"),
        (
            OSError(
                "Multiple exceptions: [Errno 111] Connect call failed ('::1', 5432, 0, 0), "
                "[Errno 111] Connect call failed ('127.0.0.1', 5432)"
            ),
            "Connection refused",
        ),
        (
            OSError("Multiple exceptions: [Errno 111] Connect call failed, [Errno 101] Connect call failed"),
            "Connection refused, Network is unreachable",
        ),
        (FileNotFoundError(2, "No such file or directory", "/a/file"), "No such file or directory"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (ssl.SSLError(1, "[SSL] no shared cipher"), "[SSL] no shared cipher"),
        (OSError("out of luck"), "out of luck"),
        (TimeoutError(), "no answer in time"),
        (ValueError("not that"), "not that"),
        (KeyError(), "KeyError"),
    ],
)
def test_the_reason_is_in_the_systems_words(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason
