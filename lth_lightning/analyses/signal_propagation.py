"""How far does a signal come through a sparse network before it is trained?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor, nn

from ..analysis import logit_deviation
from ..sparsity import (
    Initialisation,
    LayerScaled,
    Mask,
    Random,
    SparseFanIn,
    Uniform,
    check_density,
    generator,
    mix,
    prune,
)
from ..sparsity.units import by_unit, owner
from .base import Analysis, Lineage, Row, named

FanIn = Literal["even", "uneven"]


@dataclass(frozen=True, kw_only=True)
class SignalPropagation(Analysis):
    """Standard deviation of the logits for inputs from N(0, 1), at initialisation, against density.

    Of networks under random masks with the same density in every layer, whose weights are initialised as they are, or
    with regard to the mask (Evci et al., 2022, arXiv:2010.03533). It is about the network, whatever was trained of it.

    Args:
        densities: The shares of weights kept.
        initialise: How the kept weights are drawn, besides the network's own way, which is always looked at.
        fan_in: Whether all units of a layer keep about as many incoming weights ('even'), or the first far fewer than
            the last ('uneven': the weights of unit i are scored by draws from U[0, i], as in the released code).
        repeats: How many initialisations and masks of each kind.
        images: Number of inputs, in one batch.

    Raises:
        ValueError: If a density is outside (0, 1], there is none, a number is below 1 (of images 2), or `fan_in` is
            another word.
    """

    densities: tuple[float, ...] = (1.0, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02)
    initialise: list[Initialisation] = field(default_factory=lambda: [LayerScaled(), SparseFanIn()])
    fan_in: FanIn = "even"
    repeats: int = 3
    images: int = 500

    def __post_init__(self) -> None:
        for density in self.densities:
            check_density(density)
        if not self.densities or self.repeats < 1 or self.images < 2:
            raise ValueError(
                f"signals are looked at at densities {list(self.densities)}, with {self.repeats} repeats of "
                f"{self.images} images: give at least one density and repeat, and two images"
            )
        if self.fan_in not in get_args(FanIn):
            raise ValueError(f"fan_in is 'even' or 'uneven', not {self.fan_in!r}")

    def rows(self, lineage: Lineage) -> list[Row]:
        """A row for each density, initialisation and repeat; the first repeat has the initialisation of the seed."""
        return [{**lineage.labels, **row} for repeat in range(self.repeats) for row in self._repeat(lineage, repeat)]

    def _repeat(self, lineage: Lineage, repeat: int) -> Iterator[Row]:
        seed = mix("signal", int(lineage.labels["seed"]), repeat)
        built = lineage.build(seed if repeat else None)
        net, data = built.module, cast("Any", built.data)
        weights = {name: net.get_parameter(name) for name in lineage.networks[0].mask}
        first = {name: value.clone() for name, value in net.state_dict().items()}
        for density in self.densities:
            mask = self.mask(net, Mask.dense(weights), density, seed)
            for initialise in (None, *self.initialise):
                net.load_state_dict(first)
                if initialise is None:
                    mask.apply(weights)
                else:
                    initialise(net, mask, seed)
                deviation = logit_deviation(net, data.input_shape, generator("signal", seed), self.images)
                name = "own" if initialise is None else initialise.name
                yield {"density": density, "initialisation": name, "repeat": repeat, "deviation": deviation}

    def mask(self, net: nn.Module, weights: Mask, density: float, seed: int) -> Mask:
        """A random mask; of two of a seed the sparser is within the denser.

        Args:
            net: The network.
            weights: The dense mask of what may be pruned.
            density: Of every layer.
            seed: Names the draw.
        """
        scores = Random(seed)(net, weights)
        if self.fan_in == "uneven":
            scores = {name: score * _numbers(owner(net, name), score) for name, score in scores.items()}
        return prune(scores, density, Uniform(), within=weights)

    def tried(self) -> "SignalPropagation":
        """Two densities, once."""
        return replace(self, densities=self.densities[:2], repeats=1, images=min(self.images, 16))

    def curves(self, rows: Sequence[Row]) -> tuple[str, dict[str, list[tuple[float, float]]]]:
        """Means over repeats, of each initialisation, by density."""
        found: dict[str, dict[float, list[float]]] = {}
        for row in rows:
            label = f"logit_deviation/{named(row, row['initialisation'])}"
            found.setdefault(label, {}).setdefault(row["density"], []).append(row["deviation"])
        return "density", {
            label: [(density, fmean(values)) for density, values in sorted(at.items())] for label, at in found.items()
        }

    def sentence(self, rows: Sequence[Row]) -> str:
        """The mean of each initialisation at the highest and the lowest density."""
        ends = max(self.densities), min(self.densities)
        told = []
        for name in dict.fromkeys(row["initialisation"] for row in rows):
            own = [row for row in rows if row["initialisation"] == name]
            high, low = (fmean(row["deviation"] for row in own if row["density"] == density) for density in ends)
            told.append(f"{name} {high:.3g} and {low:.3g}")
        return (
            f"noise leaves logits with the standard deviation, at densities {ends[0]:g} and {ends[1]:g}, by "
            f"initialisation: {', '.join(told)}"
        )


def _numbers(layer: nn.Module, scores: Tensor) -> Tensor:
    """At each weight the number of the unit that it comes into, from 1."""
    places = by_unit(layer, torch.arange(scores.numel(), device=scores.device).view(scores.shape))
    numbers = torch.empty_like(scores).flatten()
    numbers[places] = torch.arange(1.0, len(places) + 1).to(scores)[:, None].expand(places.shape)
    return numbers.view(scores.shape)
