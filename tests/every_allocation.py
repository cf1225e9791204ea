"""Every allocation, ready for the layers of a mask, and what becomes of a density it cannot reach."""

import re
from collections.abc import Callable, Mapping

import pytest
from torch import Tensor

from lth_lightning.sparsity import ER, ERK, Allocation, Global, LayerRatios, Mask, SmartRatio, Uniform, count

EVERY: dict[str, Callable[[Mask], Allocation]] = {
    "Global": lambda mask: Global(),
    "Uniform": lambda mask: Uniform(),
    "Uniform, dense first layer": lambda mask: Uniform(dense_first=True),
    "ERK": lambda mask: ERK(),
    "ERK, flatter, dense first layer": lambda mask: ERK(0.5, [next(iter(mask))]),
    "ER": lambda mask: ER(),
    "SmartRatio": lambda mask: SmartRatio(),
    "SmartRatio, VGG": lambda mask: SmartRatio(vgg=True, linear=0.9),
    "SmartRatio, linear": lambda mask: SmartRatio(shape="linear", linear=1.0),
    "SmartRatio, cubic": lambda mask: SmartRatio(shape="cubic", linear=0.0, layers=len(mask) + 2),
    "SmartRatio, ascending": lambda mask: SmartRatio(shape="ascending"),
    "SmartRatio, balanced": lambda mask: SmartRatio(shape="balanced"),
    "LayerRatios, given": lambda mask: LayerRatios({name: (index % 4) / 3 for index, name in enumerate(mask, 1)}),
    "LayerRatios, measured": LayerRatios,
}
every_allocation = pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)


def budgets_or_refusal(
    allocation: Allocation, scores: Mapping[str, Tensor], density: float, mask: Mask
) -> dict[str, int] | None:
    """The budgets; or none, if the refusal names the nearest density that can be reached."""
    try:
        return allocation(scores, density, mask)
    except ValueError as refusal:
        message = str(refusal)
    found = re.search(r"no (more|fewer) than ([\d,]+) \(density ([\d.e-]+)\)", message)
    assert found is not None, message
    kept, nearest = int(found[2].replace(",", "")), float(found[3])
    beyond = 1 if found[1] == "more" else -1
    assert (kept - count(density, mask.size)) * beyond < 0
    if kept > 0:
        assert sum(allocation(scores, nearest, mask).values()) == kept
    if 0 < kept + beyond <= mask.size:
        with pytest.raises(ValueError, match=f"no {found[1]} than {found[2]} "):
            allocation(scores, (kept + beyond) / mask.size, mask)
    return None
