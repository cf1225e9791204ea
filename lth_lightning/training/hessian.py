"""The spectrum of the loss's Hessian while a network trains."""

import math
from collections.abc import Sequence
from typing import ClassVar

from lightning.pytorch import LightningModule, Trainer

from ..analysis import approximate_spectrum, spectrum, top_eigenvalues
from ..analysis.hessian import coordinates
from ..sparsity import Clock, Mask, Moment
from .misfit import MisfitError
from .moments import clock_of
from .probe import Probe, Row
from .sampling import Batch


class HessianSpectrum(Probe):
    """Writes the spectrum of the Hessian over kept weights and all other parameters to `hessian.jsonl`.

    A row has `step`, the number `size` of coordinates, `values` and their `weights` (shares of all directions), the
    number of `negative` ones, and whether it is `exact`: all eigenvalues, of a network with few coordinates. Of others
    values and weights are those of a stochastic Lanczos quadrature, which stand for their density, and `top` and
    `lowest` have the largest eigenvalues and the smallest. One about a change of the mask has `when`: before or after.
    Source: Evci et al., 2022, arXiv:2010.03533, who compute all of a LeNet-5 with 5 % of its weights, and find that
    moves of its mask bring negative ones. An exact one takes as many backward passes as there are coordinates.

    Args:
        at: Moments of training, such as ['0it', '100it', '2ep', 'end'].
        updates: Whether to look just before and after every change of the mask during training, too.
        images: How many training images to look at, not augmented; all if there are fewer.
        exact_below: Number of coordinates up to which all eigenvalues are computed.
        top: How many of the largest eigenvalues of larger networks.
        steps: Products with the Hessian for each random vector of a quadrature.
        probes: Number of these vectors.

    Raises:
        ValueError: If a moment is misspelt, there is nothing to look at, or a number is out of its range; or, as a
            MisfitError when training starts, if it ends before a moment.
    """

    name: ClassVar[str] = "hessian"

    def __init__(
        self,
        at: Sequence[str] = ("0it", "end"),
        updates: bool = False,
        images: int = 1000,
        exact_below: int = 2500,
        top: int = 10,
        steps: int = 80,
        probes: int = 4,
    ) -> None:
        super().__init__(images)
        if not at and not updates:
            raise ValueError(
                "at is empty and updates false, so there is nothing to look at: give a moment, such as 'end'"
            )
        for name, value, least in (
            ("exact_below", exact_below, 0),
            ("top", top, 1),
            ("steps", steps, 1),
            ("probes", probes, 1),
        ):
            if value < least:
                raise ValueError(f"{name} is {value}: give {least} or more")
        self.at = list(at)
        self.updates = updates
        self.exact_below, self.top, self.steps, self.probes = exact_below, top, steps, probes
        self._moments = [Moment.parse(moment) for moment in at]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check that every moment will come."""
        clock = clock_of(trainer)
        for moment in self._moments:
            if math.isfinite(step := moment.steps(clock)) and step > clock.total:
                raise MisfitError(
                    f"training ends after {clock.total:.0f} steps, before {moment} (step {step:.0f}), when "
                    "HessianSpectrum is to look: choose an earlier moment or train longer"
                )
        super().on_train_start(trainer, pl_module)

    def due(self, step: int, clock: Clock, ended: bool) -> bool:
        """At its moments."""
        return any(moment.steps(clock) == step or (ended and moment.unit == "end") for moment in self._moments)

    def look(self, module: LightningModule, mask: Mask | None, batches: list[Batch]) -> Row:
        """The spectrum now."""
        if coordinates(module, mask) <= self.exact_below:
            found, ends = spectrum(module, batches, mask, self.exact_below), {}
        else:
            found = approximate_spectrum(module, batches, mask, self.steps, self.probes)
            top, lowest = top_eigenvalues(module, batches, mask, min(self.top, found.size - 1))
            ends = {"top": top, "lowest": lowest}
        told: Row = {"size": found.size, "exact": found.exact, "negative": round(found.negative, 3), **ends}
        return {**told, "values": found.values.tolist(), "weights": found.weights.tolist()}

    def before_move(self, trainer: Trainer, module: LightningModule, mask: Mask) -> None:
        """Look before the mask moves."""
        if self.updates:
            self.add(trainer, {"when": "before", **self.seen(module, mask)})

    def after_move(self, trainer: Trainer, module: LightningModule, mask: Mask) -> None:
        """Look after it has moved."""
        if self.updates:
            self.add(trainer, {"when": "after", **self.seen(module, mask)})
