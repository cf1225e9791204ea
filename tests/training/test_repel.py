"""The repellent and the attractive loss: against its formula, and against training loops written by hand."""

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from foreign import Batches, Foreign, OptimizerOf, fit
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, optim
from torch.func import functional_call
from torch.nn.functional import cosine_similarity, cross_entropy
from torch.nn.utils import clip_grad_norm_

from lth_lightning.files import DamagedFileError
from lth_lightning.sparsity import AtInit, Draw, Fixed, Mask, Policy, Prunable, Random, generator, prunable
from lth_lightning.training import Repel, Sparsify, directions, repellent_loss

State = dict[str, Tensor]
SHAPES = {"a": (3, 4), "b": (5,)}
NESTEROV = partial(optim.SGD, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True)
ADAMW = partial(optim.AdamW, lr=0.01, weight_decay=0.1)
FEW = settings(max_examples=25)  # the tensors are drawn by their seeds: a case is as good as another
SEEDS = st.integers(0, 10**6)
STRENGTHS = st.sampled_from([2.0, -1.0, 0.3])


def drawn(*name: object) -> State:
    draws = generator("repel", *name)
    return {key: torch.randn(shape, generator=draws, dtype=torch.float64) for key, shape in SHAPES.items()}


def kept(*name: object) -> dict[str, Tensor]:
    mask = {key: value > -0.3 for key, value in drawn(*name, "mask").items()}
    mask["b"][0] = True
    return mask


def formula(weights: Mapping[str, Tensor], optima: list[State], mask: Mapping[str, Tensor], strength: float) -> Tensor:
    """J_r as it stands in the paper, on the kept weights only."""

    def vector(state: Mapping[str, Tensor]) -> Tensor:
        return torch.cat([state[name][mask[name].bool()] for name in mask])

    return strength / len(optima) * sum(cosine_similarity(vector(weights), vector(o), dim=0) ** 2 for o in optima)


def loss(weights: State, optima: list[State], mask: Mapping[str, Tensor], strength: float) -> tuple[Tensor, State]:
    return repellent_loss(weights, mask, directions(optima, mask), strength)


@FEW
@given(SEEDS, STRENGTHS, st.floats(0.01, 100), st.sampled_from([1, -1]))
def test_it_is_the_strength_for_parallel_and_for_antiparallel_weights(
    seed: int, strength: float, length: float, sign: int
) -> None:
    optimum = drawn(seed)
    value, gradient = loss({k: sign * length * v for k, v in optimum.items()}, [optimum], kept(seed), strength)
    assert value.item() == pytest.approx(strength)
    assert all(torch.allclose(part, torch.zeros_like(part), atol=1e-9 / length) for part in gradient.values())


def test_it_is_zero_for_orthogonal_weights() -> None:
    one = {"a": torch.tensor([1.0, 2.0, 0.0, 9.0]), "b": torch.tensor([3.0])}
    other = {"a": torch.tensor([5.0, 2.0, 4.0, 9.0]), "b": torch.tensor([-3.0])}
    mask = {"a": torch.tensor([True, True, True, False]), "b": torch.tensor([True])}
    assert loss(one, [other], mask, 2.0)[0].item() == pytest.approx(0, abs=1e-12)
    half = loss(one, [other, one], mask, 2.0)[0]
    assert half.item() == pytest.approx(1.0), "the mean over all optima"


@FEW
@given(SEEDS, STRENGTHS, st.integers(1, 4))
def test_it_is_its_formula_and_the_gradient_that_of_autograd(seed: int, strength: float, count: int) -> None:
    weights, mask = drawn(seed), kept(seed)
    optima = [drawn(seed, number) for number in range(count)]
    value, gradient = loss(weights, optima, mask, strength)
    for weight in weights.values():
        weight.requires_grad_()
    expected = formula(weights, optima, mask, strength)
    assert value.item() == pytest.approx(expected.item())
    parts = torch.autograd.grad(expected, list(weights.values()))
    for name, part in zip(weights, parts, strict=True):
        torch.testing.assert_close(gradient[name], part, rtol=1e-9, atol=1e-12)
        assert gradient[name][~mask[name]].count_nonzero() == 0


@FEW
@given(SEEDS, STRENGTHS)
def test_the_gradient_is_that_of_finite_differences(seed: int, strength: float) -> None:
    weights, step, mask, h = drawn(seed), drawn(seed, "step"), kept(seed), 1e-5
    optima = [drawn(seed, number) for number in range(3)]
    _, gradient = loss(weights, optima, mask, strength)
    ahead, behind = (loss({k: w + s * step[k] for k, w in weights.items()}, optima, mask, strength) for s in (h, -h))
    slope = sum(float((gradient[name] * step[name]).sum()) for name in weights)
    assert float(ahead[0] - behind[0]) / (2 * h) == pytest.approx(slope, rel=1e-5, abs=1e-7)


@FEW
@given(SEEDS, st.floats(1e-3, 1e3))
def test_the_length_of_no_network_matters_and_the_gradient_never_changes_it(seed: int, factor: float) -> None:
    weights, mask, optima = drawn(seed), kept(seed), [drawn(seed, number) for number in range(3)]
    value, gradient = loss(weights, optima, mask, 2.0)
    longer, flatter = loss({k: factor * v for k, v in weights.items()}, optima, mask, 2.0)
    assert longer.item() == pytest.approx(value.item())
    further = [{name: factor * w for name, w in optimum.items()} for optimum in optima]
    assert loss(weights, further, mask, 2.0)[0].item() == pytest.approx(value.item())
    for name, part in gradient.items():
        torch.testing.assert_close(flatter[name] * factor, part)
    assert sum(float((gradient[name] * weights[name]).sum()) for name in weights) == pytest.approx(0, abs=1e-9)


@FEW
@given(SEEDS)
def test_what_is_pruned_counts_nowhere(seed: int) -> None:
    weights, optimum, mask = drawn(seed), drawn(seed, 0), kept(seed)

    def other(state: State) -> State:
        return {name: torch.where(mask[name], value, 1e3) for name, value in state.items()}

    assert loss(other(weights), [other(optimum)], mask, 2.0)[0] == loss(weights, [optimum], mask, 2.0)[0]


@pytest.mark.parametrize("size", [0.0, 1e-30])
def test_weights_without_a_direction_have_no_loss_and_no_gradient(size: float) -> None:
    mask = {name: torch.ones(shape, dtype=torch.bool) for name, shape in SHAPES.items()}
    some = {name: value.float() for name, value in drawn(0).items()}
    nothing = {name: torch.full(shape, size) for name, shape in SHAPES.items()}
    value, gradient = loss(nothing, [some], mask, 2.0)
    assert value.item() == 0
    assert all(part.count_nonzero() == 0 for part in gradient.values())
    zeros = {name: torch.zeros(shape) for name, shape in SHAPES.items()}
    alone, both = loss(some, [some], mask, 2.0), loss(some, [some, zeros], mask, 2.0)
    assert both[0].item() == pytest.approx(alone[0].item() / 2), "an optimum of zeros is orthogonal to all"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_summed_in_single(dtype: torch.dtype) -> None:
    weights = {"w": torch.ones(70_000, dtype=dtype)}
    value, gradient = loss(weights, [weights], {"w": torch.ones(70_000, dtype=torch.bool)}, 2.0)
    assert value.item() == pytest.approx(2.0, rel=1e-3)
    assert gradient["w"].dtype == torch.float32


def saved(folder: Path, count: int = 2) -> list[Path]:
    """Checkpoints of networks that do not resemble each other."""
    paths = [folder / f"{number}.ckpt" for number in range(count)]
    for number, path in enumerate(paths):
        draws = generator("optimum", number)
        state = {
            name: torch.randn(value.shape, generator=draws).double() if value.is_floating_point() else value
            for name, value in Foreign().state_dict().items()
        }
        torch.save({"state_dict": state, "loops": {}}, path)
    return paths


def read(paths: list[Path]) -> list[State]:
    return [
        {name: value.double() for name, value in torch.load(path, weights_only=True)["state_dict"].items()}
        for path in paths
    ]


def some_mask(module: Foreign) -> Mask:
    return AtInit(0.4, Random(1)).start(module, Mask.dense(prunable(module)))


def by_hand(
    optima: list[State],
    mask: Mask,
    optimizer: OptimizerOf,
    gradient_clip_val: float = 0.0,
    accumulate_grad_batches: int = 1,
) -> State:
    """Two epochs in double precision of a masked forward whose loss has the term in it, for every batch."""
    module = Foreign().double()
    weights = dict(module.named_parameters())
    steps = optimizer(list(weights.values()))
    for _ in range(2):
        for index, (images, labels) in enumerate(Batches(), start=1):
            masked = {name: weight * mask[name] if name in mask else weight for name, weight in weights.items()}
            entropy = cross_entropy(functional_call(module, masked, images.double()), labels)
            ((entropy + formula(masked, optima, mask, 2.0)) / accumulate_grad_batches).backward()
            if index % accumulate_grad_batches == 0:
                if gradient_clip_val:
                    clip_grad_norm_(weights.values(), gradient_clip_val)
                steps.step()
                steps.zero_grad()
    mask.apply(weights)
    return dict(module.state_dict())


@pytest.mark.parametrize("options", [{}, {"gradient_clip_val": 0.3}, {"accumulate_grad_batches": 2}], ids=str)
@pytest.mark.parametrize("optimizer", [NESTEROV, ADAMW], ids=["SGD", "AdamW"])
def test_training_is_that_of_a_loop_with_the_term_in_its_loss(
    optimizer: OptimizerOf, options: dict[str, Any], tmp_path: Path
) -> None:
    paths, module = saved(tmp_path), Foreign(optimizer)
    mask = some_mask(module)
    fit(module, Repel(paths, 2.0), Sparsify(Fixed(mask)), precision="64-true", **options)
    expected = by_hand(read(paths), mask, optimizer, **options)
    without = Foreign(optimizer)
    fit(without, Sparsify(Fixed(mask)), precision="64-true", **options)
    for name, value in module.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=1e-8, atol=1e-10)
    assert not torch.allclose(module.body[0].weight, without.body[0].weight, atol=1e-3)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "bf16-true"])
def test_every_epoch_tells_the_loss_of_its_last_weights_and_the_optima_are_left_as_they_are(
    precision: Any, tmp_path: Path
) -> None:
    paths, module = saved(tmp_path), Foreign()
    before = [path.read_bytes() for path in paths]
    mask = some_mask(module)
    trainer = fit(module, Repel(paths, -1.0), Sparsify(Fixed(mask)), precision=precision)
    weights = {name: value.double() for name, value in module.state_dict().items()}
    expected = formula(weights, read(paths), mask, -1.0)
    assert trainer.callback_metrics["repellent_loss"].item() == pytest.approx(expected.item(), rel=1e-5)
    assert [path.read_bytes() for path in paths] == before


class OneMore(Policy):
    """Prunes a weight more in every step."""

    def start(self, net: Any, weights: Mask, draw: Draw) -> Mask:
        return weights

    def update(self, net: Any, mask: Mask, now: Now) -> Mask:
        layers = {name: kept.clone() for name, kept in mask.items()}
        layers["body.4.weight"].view(-1)[now.step] = False
        return Mask(layers)


def test_the_mask_is_that_of_the_training_even_if_it_moves(tmp_path: Path) -> None:
    paths, module, sparsify = saved(tmp_path), Foreign(), Sparsify(OneMore())
    trainer = fit(module, Repel(paths, 2.0), sparsify)
    assert sparsify.mask is not None
    assert sparsify.mask.size - sparsify.mask.kept == 8
    weights = {name: value.double() for name, value in module.state_dict().items()}
    expected = formula(weights, read(paths), sparsify.mask, 2.0)
    assert trainer.callback_metrics["repellent_loss"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_weights_that_are_not_trained_or_not_pruned_are_left_alone(tmp_path: Path) -> None:
    module, alone = Foreign(), Foreign()
    frozen = module.body[0].weight.requires_grad_(False).clone()
    alone.body[0].weight.requires_grad_(False)
    only = Prunable(include=["body.0.*"])
    fit(module, Repel(saved(tmp_path), 2.0), Sparsify(AtInit(1.0), only))
    fit(alone, Sparsify(AtInit(1.0), only))
    assert torch.equal(module.body[0].weight, frozen)
    assert torch.equal(module.body[4].weight, alone.body[4].weight)


def test_of_several_optimizers_each_gets_the_gradient_of_its_own_weights_once(tmp_path: Path) -> None:
    class Still(Foreign):
        """A body and a head with an optimizer each, stepped in turn on a loss that pulls nowhere."""

        def __init__(self) -> None:
            super().__init__()
            self.automatic_optimization = False

        def configure_optimizers(self) -> Any:
            return optim.SGD(self.body[:2].parameters(), lr=0.1), optim.SGD(self.body[4].parameters(), lr=0.1)

        def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
            optimizers = self.optimizers()
            for each in optimizers:
                each.zero_grad()
            self.manual_backward(0 * super().training_step(batch, batch_idx))
            for each in optimizers:
                each.step()

    paths, module = saved(tmp_path), Still()
    weights = {name: weight.detach().double().requires_grad_() for name, weight in prunable(module).items()}
    fit(module, Repel(paths, 2.0), Sparsify(AtInit(1.0)), max_epochs=1, limit_train_batches=1)
    names = list(weights)
    for name in names:  # the head sees the body as it is after its step
        value = formula(weights, read(paths), Mask.dense(weights), 2.0)
        (gradient,) = torch.autograd.grad(value, weights[name])
        weights[name] = (weights[name] - 0.1 * gradient).detach().requires_grad_()
    for name, weight in prunable(module).items():
        torch.testing.assert_close(weight.double(), weights[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("optima", "strength", "sentence"),
    [
        ([], 2.0, "optima is empty, so there is nothing to repel from: give at least one"),
        (["a.ckpt"], 0.0, "strength is 0.0: give a number such as 2 to repel or -1 to attract"),
        (["a.ckpt"], math.nan, "strength is nan"),
        (["a.ckpt"], math.inf, "strength is inf"),
    ],
)
def test_settings_that_make_no_loss_are_refused(optima: list[str], strength: float, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Repel(optima, strength)


def test_without_a_mask_or_with_a_checkpoint_of_another_network_nothing_is_trained(tmp_path: Path) -> None:
    (path,) = saved(tmp_path, 1)
    with pytest.raises(ValueError, match="under the mask of a Sparsify, and there is none: add one"):
        fit(Foreign(), Repel([path], 2.0))
    with pytest.raises(DamagedFileError, match=r"absent\.ckpt is missing"):
        fit(Foreign(), Repel([tmp_path / "absent.ckpt"], 2.0), Sparsify(AtInit(0.5)))
    other = Foreign()
    other.body[4] = torch.nn.Linear(64, 4)
    with pytest.raises(DamagedFileError, match="is of another network"):
        fit(other, Repel([path], 2.0), Sparsify(AtInit(0.5)))
    assert other.batches == 0
