"""The keep ratios of random and hybrid tickets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from ..mask import Mask
from .base import Allocation, Budgets, Scores, caps
from .counting import apportion

Shape = Literal["smart", "linear", "cubic", "ascending", "balanced"]


@dataclass(frozen=True)
class SmartRatio(Allocation):
    """Smart ratios: densities that fall with a layer's number, whatever the data and the weights.

    Layer l of L, counting convolutions and linear layers in the mask's order, gets a density in proportion to
    (L - l + 1)^2 + (L - l + 1) if it is a convolution (a weight of more than two dimensions); linear layers keep a
    fixed share. What a layer has no room for is handed on to the next ones; behind the last layer it begins again with
    the first, which matters only to an `ascending` shape and to masks that are pruned already. As published, numbers
    of weights are rounded down; other than published, the convolutions then get the weights that are missing from the
    asked density, one each, by largest remainder. Source: Su et al., 2020, arXiv:2009.11094.

    Args:
        vgg: Whether densities are divided by l^2, as published for VGG networks (`balanced` ones are not).
        linear: The density of linear layers.
        layers: L; the number of convolutions and linear layers by default.
        shape: What densities are in proportion to: `smart`, (L - l + 1)^2 + (L - l + 1); `linear`, L - l + 1; `cubic`,
            (L - l + 1)^3; `ascending`, l^2 + l; `balanced`, 1.

    Raises:
        ValueError: If `linear` is outside [0, 1], `layers` is below 1, or the shape is none of these.
    """

    remedy: ClassVar[str] = (
        "linear layers keep a fixed share, convolutions the rest; ask for another density, change `linear`, or take ERK"
    )

    vgg: bool = False
    linear: float = 0.3
    layers: int | None = None
    shape: Shape = "smart"

    def __post_init__(self) -> None:
        if not 0 <= self.linear <= 1:
            raise ValueError(f"linear is the density of linear layers, in [0, 1], not {self.linear}")
        if self.layers is not None and self.layers < 1:
            raise ValueError(f"layers is the number of layers to count down from, at least 1, not {self.layers}")
        if self.shape not in get_args(Shape):
            raise ValueError(f"shape is one of {', '.join(get_args(Shape))}, not {self.shape!r}")

    def reach(self, mask: Mask) -> tuple[int, int]:
        """The linear layers' share and one weight for the convolutions, up to all of the convolutions."""
        fixed = sum(self.fixed(mask).values())
        room = sum(int(kept.sum()) for kept in mask.values() if kept.ndim > 2)
        return fixed + min(1, room), fixed + room

    def budgets(self, scores: Scores, total: int, mask: Mask) -> Budgets:
        """The fixed share of linear layers; the rest by the convolutions' numbers and sizes."""
        fixed, weights = self.fixed(mask), self.weights(mask)
        most = {name: cap for name, cap in caps(mask).items() if name in weights}
        goal = total - sum(fixed.values())
        unit = goal / (sum(weights[name] * mask[name].numel() for name in weights) or 1.0)
        quotas = {name: weight * unit * mask[name].numel() for name, weight in weights.items()}
        chosen = fixed | apportion(cascade(quotas, most), goal, most)
        return {name: chosen[name] for name in mask}

    def fixed(self, mask: Mask) -> Budgets:
        """Name -> budget of each linear layer."""
        layers = mask.layers().items()
        return {name: min(kept, int(self.linear * size)) for name, (kept, size) in layers if mask[name].ndim <= 2}

    def weights(self, mask: Mask) -> dict[str, float]:
        """Name -> what a convolution's density is in proportion to.

        Raises:
            ValueError: If `layers` is smaller than a convolution's number, so that nothing would be left for it.
        """
        numbers = {name: number for number, name in enumerate(mask, start=1) if mask[name].ndim > 2}
        total, last = self.layers or len(mask), max(numbers.values(), default=0)
        if total < last:
            raise ValueError(f"layers={self.layers}, but the last convolution is layer {last}: give at least {last}")
        return {name: self.weight(number, total) for name, number in numbers.items()}

    def weight(self, number: int, total: int) -> float:
        """What the density of layer `number` of `total`, counted from 1, is in proportion to."""
        left = total - number + 1
        weight = {
            "smart": left**2 + left,
            "linear": left,
            "cubic": left**3,
            "ascending": number**2 + number,
            "balanced": 1,
        }[self.shape]
        return weight / number**2 if self.vgg and self.shape != "balanced" else float(weight)


def cascade(quotas: Mapping[str, float], caps: Mapping[str, int]) -> dict[str, float]:
    """Hand on what a layer has no room for, in the layers' order, and again from the first while anything is left.

    Args:
        quotas: Name -> what it deserves.
        caps: Name -> the most it can take.

    Returns:
        Name -> what it gets, with the sum of the quotas unless that is above the sum of the caps.

    Example:
        >>> cascade({"a": 5.0, "b": 1.0, "c": 1.0, "d": 1.0}, {"a": 3, "b": 2, "c": 4, "d": 4})
        {'a': 3.0, 'b': 2.0, 'c': 2.0, 'd': 1.0}
    """
    filled, surplus = dict(quotas), 0.0
    for name in [*quotas, *quotas]:
        wanted = filled[name] + surplus
        filled[name] = min(wanted, caps[name])
        surplus = wanted - filled[name]
    return filled
