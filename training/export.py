"""Weights for the package from a checkpoint: `python -m training.export CHECKPOINT looks/marks.f16`."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from samelook.looks.marks import LAYERS
from training.net import Net


def exported(net: Net) -> bytes:
    """Half-precision numbers in the order of `looks.marks.shapes`, with each norm folded into its layer."""
    parts: list[torch.Tensor] = []
    for _, convolution, norm in zip(LAYERS, net.convolutions, net.norms, strict=True):
        gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        weight = convolution.weight * gain[:, None, None, None]
        parts += [weight.permute(2, 3, 1, 0).flatten(), norm.bias - norm.running_mean * gain]
    gain = 1 / torch.sqrt(net.last_norm.running_var + net.last_norm.eps)
    parts += [(net.last.weight * gain[:, None]).T.flatten(), -net.last_norm.running_mean * gain]
    flat: NDArray[np.float32] = torch.cat(parts).detach().numpy()
    return flat.astype("<f2").tobytes()


def main() -> None:
    """Write the file and print its checksum."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("to", type=Path)
    asked = parser.parse_args()
    net = Net()
    net.load_state_dict(torch.load(asked.checkpoint))
    raw = exported(net.eval())
    if not np.isfinite(np.frombuffer(raw, "<f2")).all():
        raise SystemExit("A weight is too large for half precision.")
    asked.to.write_bytes(raw)
    print(f"{len(raw)} bytes, SHA-256 {hashlib.sha256(raw).hexdigest()}")


if __name__ == "__main__":
    main()
