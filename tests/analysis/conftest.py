"""What the tests of analyses share: a small network with batch norm and dropout, its states, and examples."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

State = dict[str, Tensor]


@pytest.fixture
def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, bias=False), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5),
        nn.Linear(12, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 4),
    )  # fmt: skip


@pytest.fixture
def state(net: nn.Module) -> Callable[[int], State]:
    """The state of that network as another training might have left it."""

    def drawn(seed: int) -> State:
        draws = torch.Generator().manual_seed(seed)
        result = {}
        for name, value in net.state_dict().items():
            if name.endswith("num_batches_tracked"):
                result[name] = torch.tensor(100 + seed)
            else:
                noise = torch.randn(value.shape, generator=draws)
                result[name] = noise.abs() + 0.1 if name.endswith("running_var") else noise
        return result

    return drawn


@pytest.fixture
def batches() -> list[tuple[Tensor, Tensor]]:
    """Twenty-two examples in batches of 8, 8 and 6."""
    draws = torch.Generator().manual_seed(1)
    return [
        (torch.randn(size, 1, 4, 4, generator=draws), torch.randint(0, 4, (size,), generator=draws))
        for size in (8, 8, 6)
    ]
