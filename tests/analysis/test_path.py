import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from lth_lightning.analysis import (
    Statistics,
    along,
    alphas,
    barrier,
    batch_statistics,
    disagreement,
    estimate_,
    evaluate,
    interpolate_,
    outputs,
)  # fmt: skip

State = dict[str, Tensor]
States = Callable[[int], State]
Examples = list[tuple[Tensor, Tensor]]


def test_the_loss_of_a_logistic_model_on_a_line_is_that_of_its_formula() -> None:
    net, images, labels = (
        nn.Linear(1, 2, bias=False).double(),
        torch.tensor([[1.0], [1.0], [1.0]]),
        torch.tensor([0, 0, 1]),
    )
    ends = [{"weight": torch.tensor([[margin / 2], [-margin / 2]], dtype=torch.float64)} for margin in (4.0, -2.0)]
    found = along(net, *ends, alphas(4), [(images, labels)], "interpolated")
    for alpha, loss, error in zip(found.alphas, found.loss, found.error, strict=True):
        margin = torch.tensor(4.0 - 6.0 * alpha, dtype=torch.float64)
        assert loss == pytest.approx(float(2 * softplus(-margin) + softplus(margin)) / 3)
        # 4, 2, and at 0 the first class
        assert error == pytest.approx(1 / 3 if alpha < 0.9 else 2 / 3)
    assert (found.alphas, found.statistics) == (alphas(4), "interpolated")


def test_from_a_network_to_itself_the_curve_is_flat_and_exactly_what_the_network_is_worth(
    net: nn.Module, state: States, batches: Examples
) -> None:
    found = along(net, state(0), state(0), alphas(5, "middles"), batches, "interpolated")
    net.load_state_dict(state(0))
    own = evaluate(net, batches)
    assert found.loss == (own.loss,) * 5
    assert found.error == (own.error,) * 5


def test_the_ends_of_the_curve_are_exactly_what_the_networks_are_worth(
    net: nn.Module, state: States, batches: Examples
) -> None:
    found = along(net, state(0), state(1), alphas(3), batches, "interpolated")
    for place, seed in ((0, 0), (-1, 1)):
        net.load_state_dict(state(seed))
        own = evaluate(net, batches)
        assert (found.loss[place], found.error[place]) == (own.loss, own.error)


@pytest.mark.parametrize("statistics", ["estimated", "batch"])
def test_each_policy_is_the_steps_that_it_names(
    net: nn.Module, state: States, batches: Examples, statistics: Statistics
) -> None:
    found = along(net, state(0), state(1), [0.3], batches, statistics, calibration=batches[:2])
    interpolate_(net, state(0), state(1), 0.3)
    if statistics == "estimated":
        estimate_(net, batches[:2])
        own = evaluate(net, batches)
    else:
        with batch_statistics(net):
            own = evaluate(net, batches)
    assert (found.loss, found.error) == ((own.loss,), (own.error,))
    interpolated = along(net, state(0), state(1), [0.3], batches, "interpolated")
    assert found.loss != interpolated.loss
    assert interpolated == along(net, state(0), state(1), [0.3], batches, "interpolated", calibration=batches[:2])


def test_without_batch_norm_all_policies_are_the_same(batches: Examples) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 5), nn.GroupNorm(1, 5), nn.ReLU(), nn.Dropout(0.5), nn.Linear(5, 4))
    one = {name: value.clone() for name, value in net.state_dict().items()}
    other = {name: value.flip(0) for name, value in one.items()}
    first, *others = (
        along(net, one, other, alphas(3), batches, each, batches) for each in ("interpolated", "estimated", "batch")
    )
    assert all((each.loss, each.error) == (first.loss, first.error) for each in others)


def test_permuted_networks_are_one_function_but_have_a_barrier() -> None:
    net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 2, bias=False))
    one = {"0.weight": torch.eye(2), "2.weight": 10 * torch.eye(2)}
    other = {"0.weight": torch.eye(2).flip(0), "2.weight": 10 * torch.eye(2).flip(1)}  # hidden units swapped
    examples = [(torch.eye(2), torch.tensor([0, 1]))]
    answers = []
    for state in (one, other):
        net.load_state_dict(state)
        answers.append(outputs(net, examples)[0])
    assert torch.equal(*answers)
    assert disagreement(*answers) == 0
    found = along(net, one, other, alphas(3), examples, "interpolated")
    # half way both units see both inputs, so nothing can be told apart
    assert barrier(found.loss, (found.loss[0], found.loss[-1])) == pytest.approx(
        math.log(2) - math.log1p(math.exp(-10))
    )
    assert barrier(found.error, (found.error[0], found.error[-1])) == 0.5


def test_statistics_are_estimated_on_examples_that_must_be_given(
    net: nn.Module, state: States, batches: Examples
) -> None:
    with pytest.raises(ValueError, match="give batches as calibration"):
        along(net, state(0), state(1), [0.5], batches, "estimated")


def test_batches_that_can_be_read_only_once_are_refused(net: nn.Module, state: States, batches: Examples) -> None:
    with pytest.raises(ValueError, match="make them a list"):
        along(net, state(0), state(1), [0.5], iter(batches), "interpolated")
    with pytest.raises(ValueError, match="make them a list"):
        along(net, state(0), state(1), [0.5], batches, "estimated", iter(batches))


def test_an_unknown_policy_is_refused(net: nn.Module, state: States, batches: Examples) -> None:
    with pytest.raises(ValueError, match="interpolated, estimated, batch, not 'frozen'"):
        along(net, state(0), state(1), [0.5], batches, "frozen")
