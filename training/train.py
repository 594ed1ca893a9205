"""Training: `python -m training.train`. A checkpoint every hundred steps.

Each of the processes has a part of every batch and one thread: threads that wait for each other cost more
than they give where the processors are shared. Another process beside each draws what its net sees next.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections import deque
from multiprocessing import get_context
from multiprocessing.pool import AsyncResult
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed

from samelook.looks.marks import BITS
from training.icons import Icons, is_held_out
from training.net import Net
from training.renditions import Studio

TEMPERATURE: Final = 0.07
CLASSES: Final = 120
EACH: Final = 3
QUEUE: Final = 4096
RATE: Final = 2.5e-3
MEMORY: Final = 0.995
_WARM: Final = 60
_COOL: Final = 0.3
"""The last share of the steps, in which the rate falls to nothing."""
_MINE_FROM: Final = 500
"""From this step on, half of each batch are marks of different brands that the net still confuses."""
_NEIGHBOURS: Final = 6
_AHEAD: Final = 3
_SAME_LETTERS: Final = str.maketrans("01il5689", "oiiisbbg")


class Classes:
    """Icons by brand, for the drawing of batches."""

    def __init__(self, brands: list[str], packages: list[str], *, seed: int) -> None:
        rows: dict[str, list[int]] = {}
        for row, brand in enumerate(brands):
            if not is_held_out(brand):
                rows.setdefault(brand, []).append(row)
        self.rows = list(rows.values())
        names: dict[str, int] = {}
        self.names = torch.tensor([names.setdefault(_key(brand), len(names)) for brand in rows])
        """Classes whose names begin alike may be one brand; they do not push each other away."""
        self._packages = packages
        self._dice = np.random.default_rng(seed)
        self._order: list[int] = []

    def __len__(self) -> int:
        return len(self.rows)

    def filled(self, chosen: list[int], count: int) -> list[int]:
        """The chosen classes and so many more as make up the count, each once before one comes again."""
        while len(self._order) < 2 * count:
            self._order += self._dice.permutation(len(self.rows)).tolist()
        chosen = list(dict.fromkeys(chosen))
        passed: list[int] = []
        while len(chosen) < count:
            number = self._order.pop(0)
            (passed if number in chosen else chosen).append(number)
        self._order += passed
        return chosen

    def icons(self, classes: list[int]) -> tuple[list[int], list[bool]]:
        """Rows of icons, three of each class one after the other, and which may be changed in colour."""
        chosen, hard = [], []
        for number in classes:
            rows = self.rows[number]
            first = rows[int(self._dice.integers(len(rows)))]
            others = [row for row in rows if self._packages[row] != self._packages[first]] or rows
            other = others[int(self._dice.integers(len(others)))]
            chosen += [first, first, other]
            again = other == first
            hard += [False, self._dice.random() < 0.5, again or self._dice.random() < 0.5]
        return chosen, hard


def _key(brand: str) -> str:
    words = brand.split(" ")
    if words[0] == "letter":
        return f"letter {words[1].lower().translate(_SAME_LETTERS)}"
    if len(words) > 1:
        return f"sign {words[-1][:5]}"
    return brand[:4]


class Queue:
    """The last embeddings, as strangers for those of a batch."""

    def __init__(self, classes: Classes, *, seed: int) -> None:
        self.vectors = torch.zeros(0, BITS)
        self.classes = torch.zeros(0, dtype=torch.long)
        self._means = torch.zeros(len(classes), BITS)
        self._names = classes.names
        self._dice = torch.Generator().manual_seed(seed)

    def add(self, vectors: Tensor, classes: Tensor) -> None:
        self.vectors = torch.cat([vectors, self.vectors])[:QUEUE]
        self.classes = torch.cat([classes, self.classes])[:QUEUE]
        means = vectors.reshape(-1, EACH, BITS).mean(1)
        self._means[classes[::EACH]] = torch.nn.functional.normalize(means, dim=1)

    def alike(self, count: int) -> list[int]:
        """Classes in small groups that the net takes for alike."""
        known = torch.nonzero(self._means.abs().sum(1) > 0)[:, 0]
        if len(known) < QUEUE:
            return []
        seeds = known[torch.randint(len(known), (count // _NEIGHBOURS,), generator=self._dice)]
        cosines = self._means[seeds] @ self._means.T
        cosines[self._names[seeds][:, None] == self._names[None]] = -1
        near = cosines.topk(_NEIGHBOURS - 1, dim=1).indices
        found: list[int] = torch.cat([seeds[:, None], near], 1).flatten().tolist()
        return found


def loss_of(
    vectors: Tensor, classes: Tensor, names: Tensor, strangers: Tensor, their_classes: Tensor
) -> Tensor:
    """Supervised contrastive loss (Khosla et al., 2020) of a batch, with others as strangers."""
    everyone, all_classes = torch.cat([vectors, strangers]), torch.cat([classes, their_classes])
    same = classes[:, None] == all_classes[None]
    same[:, len(vectors) :] = False
    itself = torch.zeros_like(same)
    itself[:, : len(vectors)] = torch.eye(len(vectors), dtype=torch.bool)
    unsure = (names[classes][:, None] == names[all_classes][None]) & ~same
    logits = (vectors @ everyone.T / TEMPERATURE).masked_fill(itself | unsure, -math.inf)
    shares = logits - logits.logsumexp(1, keepdim=True)
    positive = same & ~itself
    return -(shares.masked_fill(~positive, 0).sum(1) / positive.sum(1)).mean()


def train(asked: argparse.Namespace) -> None:
    """Train, as one of several processes, and leave checkpoints of the averaged weights in a folder."""
    rank = asked.rank
    torch.set_num_threads(1)
    torch.manual_seed(asked.seed)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    meeting = f"file://{asked.to}/meeting"
    distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=asked.processes)
    with np.load(asked.cache / "icons.npz") as arrays:
        brands, packages = arrays["brands"].tolist(), arrays["packages"].tolist()
    seed = asked.seed + 1000 * rank + asked.done
    classes = Classes(brands, packages, seed=seed)
    queue = Queue(classes, seed=seed)
    net, average = Net(), Net()
    if asked.resume:
        net.load_state_dict(torch.load(asked.resume))
    net = net.to(memory_format=torch.channels_last)
    average.load_state_dict(net.state_dict())
    optimiser = torch.optim.AdamW(net.parameters(), RATE, weight_decay=0.02)
    started, seen, count = time.monotonic(), 0.0, CLASSES // asked.processes
    waiting: deque[tuple[list[int], AsyncResult[NDArray[np.float32]]]] = deque()
    with get_context("spawn").Pool(1, _open_studio, (asked.cache, seed)) as pool:
        for step in range(asked.done, asked.steps):
            # What the net sees in a few steps is chosen now, so that it is drawn meanwhile.
            while len(waiting) < _AHEAD:
                chosen = classes.filled(queue.alike(count // 2) if step >= _MINE_FROM else [], count)
                waiting.append((chosen, pool.apply_async(_renditions, classes.icons(chosen))))
            chosen, drawn = waiting.popleft()
            pictures = torch.from_numpy(drawn.get()).contiguous(memory_format=torch.channels_last)
            for group in optimiser.param_groups:
                group["lr"] = _rate(step, asked)
            with torch.autocast("cpu", torch.bfloat16):
                vectors = net(pictures)
            labels = torch.tensor(chosen).repeat_interleave(EACH)
            all_vectors, all_labels = _gathered(vectors.detach(), labels)
            others = torch.arange(len(all_labels)) // len(labels) != rank
            strangers = torch.cat([all_vectors[others], queue.vectors])
            their_labels = torch.cat([all_labels[others], queue.classes])
            loss = loss_of(vectors, labels, classes.names, strangers, their_labels)
            optimiser.zero_grad()
            loss.backward()
            _share_gradients(net, asked.processes)
            torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
            optimiser.step()
            queue.add(all_vectors, all_labels)
            _follow(average, net, min(MEMORY, (step + 1) / (step + 10)))
            seen = loss.item() if step == asked.done else 0.95 * seen + 0.05 * loss.item()
            if not rank:
                _report(step + 1, asked, average, f"{seen:.3f} {time.monotonic() - started:.0f} s")


def _rate(step: int, asked: argparse.Namespace) -> float:
    begun = (step - int(asked.done) + 1) / _WARM
    left = (int(asked.steps) - step) / (_COOL * int(asked.steps))
    return RATE * min(begun, 1.0, left)


def _report(done: int, asked: argparse.Namespace, average: Net, message: str) -> None:
    if done % 25 == 0:
        print(done, message, flush=True)
    if done % 100 == 0 or done == asked.steps:
        torch.save(average.state_dict(), asked.to / f"step-{done}.pt")


def _gathered(vectors: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Those of all processes, in their order."""
    count = distributed.get_world_size()
    all_vectors = [torch.empty_like(vectors) for _ in range(count)]
    all_labels = [torch.empty_like(labels) for _ in range(count)]
    distributed.all_gather(all_vectors, vectors.contiguous())
    distributed.all_gather(all_labels, labels)
    return torch.cat(all_vectors), torch.cat(all_labels)


def _share_gradients(net: Net, processes: int) -> None:
    """The mean of all processes' gradients, in every one."""
    parameters = [parameter for parameter in net.parameters() if parameter.grad is not None]
    flat = torch.cat([parameter.grad.flatten() for parameter in parameters]) / processes
    distributed.all_reduce(flat)
    at = 0
    for parameter in parameters:
        parameter.grad.copy_(flat[at : at + parameter.numel()].view_as(parameter))
        at += parameter.numel()


_STUDIO: dict[str, tuple[NDArray[np.uint8], Studio]] = {}


def _open_studio(cache: Path, seed: int) -> None:
    os.setsid()
    torch.set_num_threads(1)
    _STUDIO["it"] = Icons.load(cache / "icons.npz").pictures, Studio(seed)


def _renditions(rows: list[int], hard: list[bool]) -> NDArray[np.float32]:
    pictures, studio = _STUDIO["it"]
    drawn: NDArray[np.float32] = studio.renditions(
        torch.from_numpy(pictures[rows]), torch.tensor(hard)
    ).numpy()
    return drawn


def _follow(average: Net, net: Net, memory: float) -> None:
    for name, mean in average.state_dict().items():
        if mean.is_floating_point():
            mean.lerp_(net.state_dict()[name], 1 - memory)


def main() -> None:
    """Train as the arguments say."""
    home = Path("~/.cache/samelook-training").expanduser()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=home)
    parser.add_argument("--to", type=Path, default=home, help="the folder of checkpoints")
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2, help="that are started, each with its rank")
    parser.add_argument("--rank", type=int, default=0)
    parser.add_argument("--resume", type=Path, help="a checkpoint to go on from")
    parser.add_argument("--done", type=int, default=0, help="the steps that it has")
    asked = parser.parse_args()
    train(asked)


if __name__ == "__main__":
    main()
