"""The process in which hostile bytes are decoded: `python -m samelook.hashing.worker`, started by `sandbox`.

It answers one request after the other on the socket that is its standard input, and ends with it. Once
everything is imported it gives up what it will not need: memory, files, processes. It holds no secrets to
begin with, as its environment is empty.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import signal
import socket
import struct
import sys
from collections.abc import Iterator

from samelook.hashing.errors import DecoderMemory, HashingError, JobFailed
from samelook.hashing.picture import DecodeLimits
from samelook.hashing.settings import SandboxLimits
from samelook.processes.framing import Frames, encode, framed

HASH = b"h"
"""A request for `hash_bytes` of the bytes that follow."""
CALL = b"c"
"""A request to call a function: the pickle of (function, arguments) follows."""

NUMBER = struct.Struct("<Q")
"""After the kind of a request its number, counted from 1, which its answer repeats."""

_SVG_SAMPLE = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><style>rect{fill:oklch(60% .2 250)}</style>'
    b'<rect width="8" height="8" style="clip-path:circle(3px)"/><text y="8">A\xf0\x9f\x8e\xaf</text></svg>'
)
_RECEIVE_BYTES = 1 << 18
_GRACE_S = 1.0


def main() -> None:
    """Serves requests until the other side closes the socket."""
    # A second descriptor, never closed: so the parent sees the end of the channel only when the process
    # has ended and has its exit status.
    os.dup(0)
    with socket.socket(fileno=0) as channel:
        requests = _requests(channel)
        limits, decode_limits = pickle.loads(next(requests))  # noqa: S301 - from our own parent
        _warm_up()
        _confine(limits)
        channel.sendall(framed(encode({"ready": os.getpid()})))
        for request in requests:
            # Ends a runaway job, also when the parent is no longer there to do it: nobody handles the signal,
            # and its default is to end the process even within C code.
            signal.setitimer(signal.ITIMER_REAL, limits.seconds + _GRACE_S)
            answer = _answer(request, decode_limits)
            signal.setitimer(signal.ITIMER_REAL, 0)
            channel.sendall(framed(answer))


def _requests(channel: socket.socket) -> Iterator[bytes]:
    frames = Frames()
    while received := channel.recv(_RECEIVE_BYTES):
        yield from frames.feed(received)


def _answer(request: bytes, limits: DecodeLimits) -> bytes:
    (number,) = NUMBER.unpack_from(request, 1)
    payload = request[1 + NUMBER.size :]
    try:
        if request[:1] == HASH:
            from samelook.hashing.signals import hash_bytes

            return encode({"number": number, "value": hash_bytes(payload, limits)})
        function, arguments = pickle.loads(payload)  # noqa: S301 - from our own parent
        return encode({"number": number, "value": function(*arguments)})
    except HashingError as error:
        failure = error
    except MemoryError:
        failure = DecoderMemory("The picture needs more memory than a worker is given.")
    except Exception as error:  # noqa: BLE001 - the task's root: whatever it was, the parent is told
        failure = JobFailed(f"{type(error).__name__}: {error}")
    described = {"kind": failure.kind, "message": failure.message, "detail": _plain(failure.detail)}
    return encode({"number": number, "error": described})


def _plain(detail: dict[str, object]) -> dict[str, object]:
    return {
        key: value if isinstance(value, str | int | float | bool | None) else str(value)
        for key, value in detail.items()
    }


def _warm_up() -> None:
    """Loads every decoder and hash now, while files may be opened and memory is not counted."""
    import io

    from PIL import Image

    from samelook.hashing.raster import load_plugins
    from samelook.hashing.signals import hash_bytes

    # Before Pillow is to write one of them: it would import all its plugins to see which can.
    load_plugins()
    drawn = Image.new("RGB", (17, 17), (200, 30, 60))
    samples = [_SVG_SAMPLE]
    for image_format in ("PNG", "GIF", "JPEG", "WEBP", "BMP", "AVIF"):
        # A Pillow built without a codec reports that for the picture, not here.
        with contextlib.suppress(OSError, KeyError):
            stored = io.BytesIO()
            drawn.save(stored, image_format)
            samples.append(stored.getvalue())
    png = samples[1]
    samples.append(struct.pack("<3H4B2H2I", 0, 1, 1, 17, 17, 0, 0, 1, 32, len(png), 22) + png)
    for sample in samples:
        with contextlib.suppress(HashingError):
            hash_bytes(sample)
    gc.collect()
    gc.freeze()


def _confine(limits: SandboxLimits) -> None:
    """Gives up, for good, what decoding does not need. Systems that lack a limit go without it."""
    if sys.platform == "win32":
        return
    import resource

    bounds = {
        "RLIMIT_AS": address_space() + limits.memory_bytes,
        "RLIMIT_NOFILE": limits.open_files,
        "RLIMIT_NPROC": 0,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_CORE": 0,
    }
    os.nice(limits.niceness)
    for name, bound in bounds.items():
        number = getattr(resource, name, None)
        if number is not None:
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(number, (bound, bound))


def address_space() -> int:
    """Bytes of address space in use; a generous guess where /proc is missing."""
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - pathlib is one import more
            return int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 4 << 30


if __name__ == "__main__":
    main()
