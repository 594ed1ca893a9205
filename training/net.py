"""The net in PyTorch, as it is trained; `looks/marks.py` has what it becomes once it is trained."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from samelook.looks.marks import BITS, LAYERS, PLANES


class Net(nn.Module):
    """Pictures as `planes_of` gives them, shape (n, 4, 32, 32), to unit vectors of shape (n, 256)."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList()
        self.norms = nn.ModuleList()
        depth = PLANES
        for layer in LAYERS:
            reach = layer.window // 2
            self.convolutions.append(
                nn.Conv2d(depth, layer.depth, layer.window, layer.step, reach, bias=False)
            )
            self.norms.append(nn.BatchNorm2d(layer.depth))
            if layer.joins:
                # A block that adds nothing at first trains faster (Goyal et al., 2017).
                nn.init.zeros_(self.norms[-1].weight)
            depth = layer.depth
        side = 32
        for layer in LAYERS:
            side //= layer.step
        self.last = nn.Linear(depth * side * side, BITS, bias=False)
        self.last_norm = nn.BatchNorm1d(BITS, affine=False)

    def forward(self, pictures: Tensor) -> Tensor:
        seen = before = pictures
        for layer, convolution, norm in zip(LAYERS, self.convolutions, self.norms, strict=True):
            made = norm(convolution(seen))
            if layer.joins:
                made = made + before
            seen = torch.relu(made)
            if not layer.opens:
                before = seen
        # Row by row of the picture, as numpy lays it out.
        flat = seen.permute(0, 2, 3, 1).flatten(1)
        return nn.functional.normalize(self.last_norm(self.last(flat)).float())
