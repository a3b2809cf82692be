"""Convolutions that know the topology of each axis of a datacube.

An axis is ``periodic`` (season, longitude), ends at ``pole`` (latitude), or is ``bounded`` (level). Going
over a pole leads back to the same latitudes on the opposite meridian: with a longitude axis the reflected
rows are turned by half a circle, without one (zonal means) they are reflected only.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Topology = Literal["periodic", "pole", "bounded"]
_CONVOLUTION = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
SEASON_LATITUDE: tuple[Topology, ...] = ("periodic", "pole")


def pad_axis(values: Tensor, axis: int, width: int, topology: Topology, longitude: int | None = None) -> Tensor:
    """Extend ``values`` by ``width`` cells at both ends of ``axis``, as the axis continues on the planet.

    >>> pad_axis(torch.tensor([[[1.0, 2.0, 3.0]]]), 2, 1, "periodic").tolist()
    [[[3.0, 1.0, 2.0, 3.0, 1.0]]]
    >>> pad_axis(torch.tensor([[[1.0, 2.0, 3.0]]]), 2, 1, "pole").tolist()
    [[[1.0, 1.0, 2.0, 3.0, 3.0]]]
    """
    length = values.shape[axis]
    if topology == "periodic":
        head, tail = values.narrow(axis, length - width, width), values.narrow(axis, 0, width)
    elif topology == "pole":
        head, tail = values.narrow(axis, 0, width).flip(axis), values.narrow(axis, length - width, width).flip(axis)
        if longitude is not None:
            half = values.shape[longitude] // 2
            head, tail = head.roll(half, longitude), tail.roll(half, longitude)
    else:
        head = values.narrow(axis, 0, 1).expand_as(values.narrow(axis, 0, width))
        tail = values.narrow(axis, length - 1, 1).expand_as(values.narrow(axis, 0, width))
    return torch.cat([head, values, tail], dim=axis)


class TopologyConv(nn.Module):
    """A 3-wide convolution over axes of the given topologies; input and output (N, C, *axes) of equal size."""

    def __init__(self, inputs: int, outputs: int, topology: tuple[Topology, ...], longitude: int | None = None) -> None:
        super().__init__()
        self.topology = topology
        self.longitude = longitude
        self.convolution = _CONVOLUTION[len(topology)](inputs, outputs, kernel_size=3)

    def forward(self, values: Tensor) -> Tensor:
        turned = None if self.longitude is None else self.longitude + 2
        # Poles first: they reflect true rows, not rows that another axis has already extended.
        order = sorted(range(len(self.topology)), key=lambda axis: self.topology[axis] != "pole")
        for axis in order:
            values = pad_axis(values, axis + 2, 1, self.topology[axis], turned)
        return self.convolution(values)


class ConditionedBlock(nn.Module):
    """Residual block whose normalised features are scaled and shifted by a condition (FiLM; Perez et al. 2018)."""

    def __init__(
        self, channels: int, condition: int, topology: tuple[Topology, ...], longitude: int | None = None
    ) -> None:
        super().__init__()
        self.normalise = nn.GroupNorm(min(8, channels // 4), channels)
        self.modulate = nn.Linear(condition, 2 * channels)
        self.first = TopologyConv(channels, channels, topology, longitude)
        self.second = TopologyConv(channels, channels, topology, longitude)
        nn.init.zeros_(self.second.convolution.weight)
        nn.init.zeros_(self.second.convolution.bias)  # type: ignore[arg-type]

    def forward(self, values: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.modulate(condition).chunk(2, dim=1)
        shape = scale.shape + (1,) * (values.dim() - 2)
        hidden = self.normalise(values) * (1 + scale.view(shape)) + shift.view(shape)
        hidden = self.second(nn.functional.silu(self.first(nn.functional.silu(hidden))))
        return values + hidden


class Perceptron(nn.Module):
    """Residual perceptron: (N, inputs) to (N, outputs)."""

    def __init__(self, inputs: int, width: int, depth: int, outputs: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.enter = nn.Linear(inputs, width)
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(width),
                nn.Linear(width, width),
                nn.SiLU(),
                nn.Dropout(dropout),
                nn.Linear(width, width),
            )
            for _ in range(depth)
        )
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.SiLU(), nn.Linear(width, outputs))

    def forward(self, values: Tensor) -> Tensor:
        hidden = self.enter(values)
        for layer in self.layers:
            hidden = hidden + layer(hidden)
        return self.leave(hidden)


class ConditionedUNet(nn.Module):
    """Encoder and decoder over a datacube with skip connections, conditioned at each block.

    Parameters
    ----------
    inputs, channels, blocks, levels, condition : int
        Input channels, channels at full resolution, blocks at each level, resolutions, size of the condition.
    topology : tuple
        One entry for each axis, e.g. ``("periodic", "pole")`` for (season, latitude) or
        ``("pole", "periodic", "bounded")`` for (latitude, longitude, level).
    longitude : int, optional
        Position of the longitude axis among the axes, where there is one.
    """

    def __init__(
        self,
        inputs: int,
        channels: int,
        blocks: int,
        levels: int,
        condition: int,
        topology: tuple[Topology, ...] = SEASON_LATITUDE,
        longitude: int | None = None,
    ) -> None:
        super().__init__()
        widths = [channels * min(2**level, 4) for level in range(levels)]
        self.enter = TopologyConv(inputs, channels, topology, longitude)

        def stage(width: int) -> nn.ModuleList:
            return nn.ModuleList(ConditionedBlock(width, condition, topology, longitude) for _ in range(blocks))

        point = _CONVOLUTION[len(topology)]
        self.down = nn.ModuleList(stage(width) for width in widths)
        self.widen = nn.ModuleList(point(low, high, 1) for low, high in zip(widths, widths[1:], strict=False))
        self.narrow = nn.ModuleList(point(high, low, 1) for low, high in zip(widths, widths[1:], strict=False))
        self.up = nn.ModuleList(stage(width) for width in widths[:-1])
        self.pool = {1: nn.functional.avg_pool1d, 2: nn.functional.avg_pool2d, 3: nn.functional.avg_pool3d}[
            len(topology)
        ]

    def forward(self, values: Tensor, condition: Tensor) -> Tensor:
        """(N, inputs, *axes) to (N, channels, *axes)."""
        hidden = self.enter(values)
        kept: list[Tensor] = []
        for level, stage in enumerate(self.down):
            if level:
                kept.append(hidden)
                hidden = self.widen[level - 1](self.pool(hidden, 2))
            for block in stage:  # type: ignore[attr-defined]
                hidden = block(hidden, condition)
        for level in reversed(range(len(self.up))):
            skip = kept.pop()
            coarse = nn.functional.interpolate(self.narrow[level](hidden), size=skip.shape[2:], mode="nearest")
            hidden = skip + coarse
            for block in self.up[level]:  # type: ignore[attr-defined]
                hidden = block(hidden, condition)
        return hidden
