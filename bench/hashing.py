"""Microseconds per icon and stage, beside the peers: `python -m bench.hashing [--quick]`.

Icons are drawn (shapes with soft edges on a transparent ground, like real ones); each figure is the best of
several runs. The peers are what one would write without this project: Pillow's open and convert, ImageHash,
pdqhash, and the published blockhash loops in plain Python.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import platform
import sys
import time
import timeit
from collections.abc import Callable, Iterator
from functools import partial

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from rich.console import Console
from rich.table import Table

from samelook.hashing.blockhash import blockhashes
from samelook.hashing.decode import composite_on, decode
from samelook.hashing.pdq import pdq, pdq_by_numpy
from samelook.hashing.phash import phash
from samelook.hashing.sandbox import Sandbox
from samelook.hashing.signals import file_signals_of, hash_bytes, signals_of

SIZES = (16, 32, 48, 64, 128, 180)


def drawn(size: int, seed: int = 0) -> Image.Image:
    """A logo-like picture: rounded square, disc and bar."""
    random = np.random.default_rng(seed)
    colours = [tuple(int(value) for value in random.integers(0, 256, 3)) for _ in range(3)]
    large = Image.new("RGBA", (size * 4, size * 4))
    pen = ImageDraw.Draw(large)
    unit = size * 4
    pen.rounded_rectangle((0, 0, unit - 1, unit - 1), unit // 5, fill=colours[0])
    pen.ellipse((unit * 0.2, unit * 0.2, unit * 0.7, unit * 0.7), fill=colours[1])
    pen.rectangle((unit * 0.45, unit * 0.4, unit * 0.85, unit * 0.8), fill=colours[2])
    return large.resize((size, size), Image.Resampling.LANCZOS)


def stored(image: Image.Image, image_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def naive_blockhash(rgba: NDArray[np.uint8], bits: int = 16) -> list[int]:
    """The quick method as the reference writes it, one pixel after the other."""
    pixels = rgba.tolist()
    height, width = len(pixels) // bits, len(pixels[0]) // bits
    sums = []
    for row in range(bits):
        for column in range(bits):
            total = 0
            for y in range(row * height, (row + 1) * height):
                for x in range(column * width, (column + 1) * width):
                    red, green, blue, alpha = pixels[y][x]
                    total += 765 if alpha == 0 else red + green + blue
            sums.append(total)
    found = []
    for band in range(4):
        part = sums[band * len(sums) // 4 : (band + 1) * len(sums) // 4]
        ordered = sorted(part)
        median = (ordered[len(part) // 2 - 1] + ordered[len(part) // 2]) / 2
        bright = median > height * width * 384
        found += [int(value > median or (abs(value - median) < 1 and bright)) for value in part]
    return found


def by_pillow(data: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as opened:
        return np.asarray(opened.convert("RGBA"))


def microseconds(job: Callable[[], object], runs: int) -> float:
    count = max(1, min(200, int(0.02 / max(timeit.timeit(job, number=1), 1e-7))))
    return min(timeit.repeat(job, number=count, repeat=runs)) / count * 1e6


def stages(runs: int) -> Table:
    table = Table(title="One picture, microseconds by stage (PNG with transparency; ICO total beside)")
    names = (
        "decode",
        "planes",
        "on white",
        "pdq",
        "phash",
        "4 blockhashes",
        "file hashes",
        "total",
        "ICO/BMP total",
    )
    table.add_column("size", justify="right")
    table.add_column("bytes", justify="right")
    for name in names:
        table.add_column(name, justify="right")
    for size in SIZES:
        image = drawn(size)
        data = stored(image, "PNG")
        icon = stored(image, "ICO", sizes=[(size, size)], bitmap_format="bmp")
        picture = decode(data)
        planes = np.ascontiguousarray(picture.rgba.transpose(2, 0, 1)).transpose(1, 2, 0)
        rgb = composite_on(planes)
        jobs: list[Callable[[], object]] = [
            partial(decode, data),
            partial(np.ascontiguousarray, picture.rgba.transpose(2, 0, 1)),
            partial(composite_on, planes),
            partial(pdq, rgb),
            partial(phash, rgb),
            partial(blockhashes, planes),
            partial(file_signals_of, data),
            partial(hash_bytes, data),
            partial(hash_bytes, icon),
        ]
        table.add_row(str(size), str(len(data)), *(f"{microseconds(job, runs):.0f}" for job in jobs))
    return table


def peers(runs: int) -> Table:
    import pdqhash

    table = Table(title="The same work by peers, microseconds (ours / theirs)")
    for name in (
        "size",
        "decode / Pillow",
        "phash / ImageHash",
        "pdq / pdqhash",
        "pdq in numpy",
        "4 blockhashes / one naive",
        "all signals / all peers",
    ):
        table.add_column(name, justify="right")
    for size in SIZES:
        data = stored(drawn(size), "PNG")
        picture = decode(data)
        rgb = np.ascontiguousarray(composite_on(picture.rgba))
        image = Image.fromarray(rgb)

        ours = [
            microseconds(partial(decode, data), runs),
            microseconds(partial(phash, rgb), runs),
            microseconds(partial(pdq, rgb), runs),
            microseconds(partial(blockhashes, picture.rgba), runs),
            microseconds(partial(signals_of, data, picture), runs),
        ]
        theirs = [
            microseconds(partial(by_pillow, data), runs),
            microseconds(partial(imagehash.phash, image), runs),
            microseconds(partial(pdqhash.compute, rgb), runs),
            microseconds(partial(naive_blockhash, picture.rgba), 1),
        ]
        twin = microseconds(partial(pdq_by_numpy, rgb), runs)
        pairs = [f"{mine:.0f} / {other:.0f}" for mine, other in zip(ours[:4], theirs, strict=True)]
        pairs.insert(3, f"{twin:.0f}")
        table.add_row(str(size), *pairs, f"{ours[4]:.0f} / {theirs[1] + theirs[2] + 4 * theirs[3]:.0f}")
    return table


async def one_after_the_other(sandbox: Sandbox, icons: list[bytes], todo: Iterator[int]) -> None:
    for index in todo:
        await sandbox.hash(icons[index % len(icons)])


async def sandboxed(pictures: int) -> Table:
    icons = [stored(drawn(SIZES[seed % 4], seed), "PNG") for seed in range(64)]
    table = Table(title=f"{pictures} icons of 16 to 64 px through the sandbox, microseconds an icon")
    for name in ("workers", "at once", "wall time", "event loop's CPU"):
        table.add_column(name, justify="right")
    direct = time.perf_counter()
    for index in range(pictures):
        hash_bytes(icons[index % 64])
    elapsed = (time.perf_counter() - direct) / pictures * 1e6
    table.add_row("none", "1", f"{elapsed:.0f}", f"{elapsed:.0f}")
    for workers, at_once in ((1, 1), (1, 16), (2, 16), (2, 128)):
        async with Sandbox(workers) as sandbox:
            await asyncio.gather(*(sandbox.hash(icons[0]) for _ in range(8 * workers)))
            todo = iter(range(pictures))
            processor, wall = time.process_time(), time.perf_counter()
            await asyncio.gather(*(one_after_the_other(sandbox, icons, todo) for _ in range(at_once)))
            wall = (time.perf_counter() - wall) / pictures * 1e6
            processor = (time.process_time() - processor) / pictures * 1e6
            table.add_row(str(workers), str(at_once), f"{wall:.0f}", f"{processor:.0f}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    quick = parser.parse_args().quick
    console = Console(width=140)
    console.print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} CPUs")
    console.print(stages(2 if quick else 9))
    console.print(peers(2 if quick else 5))
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        console.print(runner.run(sandboxed(500 if quick else 4000)))


if __name__ == "__main__":
    if "OPENBLAS_NUM_THREADS" not in os.environ:
        # Like a worker: one thread, which is also the fastest for small matrices. numpy reads it on import.
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        os.execv(sys.executable, [sys.executable, "-m", "bench.hashing", *sys.argv[1:]])
    main()
