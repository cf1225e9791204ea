"""ADMM's iteration against one written by hand, where the loss is quadratic and so everything has a closed form."""

from pathlib import Path
from typing import Any

import pytest
import torch
from foreign import Foreign, fit
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

from lth_lightning.sparsity import Mask, Prunable, Uniform, generator
from lth_lightning.training import Admm, History
from lth_lightning.training.admm import project

SHAPES = {"a": (4, 3), "b": (2, 5)}  # 12 and 10 weights
KEPT = {0.5: {"a": 6, "b": 5}, 0.25: {"a": 3, "b": 3}, 1.0: {"a": 12, "b": 10}}  # 0.25: 5.5 weights, rounded up
LR = 0.3


def draw(*stream: object) -> dict[str, Tensor]:
    return {name: torch.randn(shape, generator=generator(*stream, name)).double() for name, shape in SHAPES.items()}


TARGETS = [draw("target", number) for number in range(4)]


class Quadratic(LightningModule):
    """The loss of batch k is 1/2 * ||W - T_k||^2."""

    def __init__(self, start: dict[str, Tensor] | None = None) -> None:
        super().__init__()
        for name, weight in (start or draw("start")).items():
            layer = nn.Linear(*weight.shape[::-1], bias=False)
            layer.weight = nn.Parameter(weight.clone())
            self.add_module(name, layer)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return torch.stack([(self.weights[n] - t).square().sum() / 2 for n, t in TARGETS[batch_idx].items()]).sum()

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=LR)

    @property
    def weights(self) -> dict[str, Tensor]:
        return {name: self.get_parameter(f"{name}.weight") for name in SHAPES}


def largest(weights: dict[str, Tensor], density: float) -> dict[str, Tensor]:
    """The largest of every layer, by Python's sort."""
    kept = {}
    for name, weight in weights.items():
        values = weight.flatten().tolist()
        best = sorted(range(len(values)), key=lambda index, of=values: -abs(of[index]))[: KEPT[density][name]]
        flat = [value if index in best else 0.0 for index, value in enumerate(values)]
        kept[name] = torch.tensor(flat, dtype=weight.dtype).view_as(weight)
    return kept


def by_hand(density: float, rho: float, every: int, epochs: int, accumulate: int = 1, clip: float = 1e9) -> Any:
    """W, Z and U after so many epochs of four batches."""
    w = draw("start")
    z, u = largest(w, density), {name: torch.zeros_like(weight) for name, weight in w.items()}
    for epoch in range(epochs):
        if epoch > 0 and epoch % every == 0:
            z = largest({name: w[name] + u[name] for name in w}, density)
            u = {name: u[name] + w[name] - z[name] for name in w}
        for first in range(0, 4, accumulate):
            batches = TARGETS[first : first + accumulate]
            loss = {name: w[name] - torch.stack([target[name] for target in batches]).mean(0) for name in w}
            grad = {name: loss[name] + rho * (w[name] - z[name] + u[name]) for name in w}
            norm = torch.cat([each.flatten() for each in grad.values()]).norm()
            w = {name: w[name] - LR * min(1.0, clip / float(norm + 1e-6)) * grad[name] for name in w}
    return w, z, u


def train(admm: Admm, *others: Callback, start: dict[str, Tensor] | None = None, **options: Any) -> dict[str, Tensor]:
    module = Quadratic(start)
    fit(module, admm, *others, **options)
    return {name: weight.detach() for name, weight in module.weights.items()}


def close(one: Any, other: dict[str, Tensor]) -> bool:
    plain = {name.removesuffix(".weight"): value for name, value in one.items()}
    return plain.keys() == other.keys() and all(torch.allclose(plain[n], other[n], 1e-9, 1e-12) for n in other)


@pytest.mark.parametrize("density", KEPT)
@pytest.mark.parametrize(
    "options",
    [{}, {"accumulate_grad_batches": 2}, {"gradient_clip_val": 0.7}, {"precision": "bf16-mixed"}],
    ids=["plain", "accumulation", "clipping", "mixed precision"],
)
@pytest.mark.parametrize(("rho", "every"), [(0.4, 1), (1.5, 2)])
def test_training_is_the_iteration_written_by_hand(
    density: float, options: dict[str, Any], rho: float, every: int
) -> None:
    admm = Admm(density, rho=rho, every=every)
    trained = train(admm, max_epochs=5, **options)
    accumulate, clip = options.get("accumulate_grad_batches", 1), options.get("gradient_clip_val", 1e9)
    w, z, u = by_hand(density, rho, every, 5, accumulate, clip)
    assert close(trained, w)
    assert close(admm.z, z)
    assert close(admm.u, u)


@pytest.mark.parametrize("density", KEPT)
def test_a_projection_keeps_the_largest_of_every_layer_as_they_are_and_exactly_as_many(density: float) -> None:
    weights = draw("any")
    projected = project(weights, density, Uniform())
    assert all(torch.equal(projected[name], value) for name, value in largest(weights, density).items())
    assert {name: int((value != 0).sum()) for name, value in projected.items()} == KEPT[density]
    assert not any(torch.signbit(value[value == 0]).any() for value in projected.values())


def test_a_first_layer_that_stays_dense_is_its_own_projection() -> None:
    weights = draw("any")
    projected = project(weights, 0.75, Uniform(dense_first=True))  # 17 of 22, 12 of them there
    assert torch.equal(projected["a"], weights["a"])
    assert int((projected["b"] != 0).sum()) == 5


class Updates(Callback):
    """W, Z and U after the update at each epoch's start."""

    def __init__(self, admm: Admm) -> None:
        self.admm = admm
        self.seen: list[Any] = []

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        weights = {f"{name}.weight": value.detach().clone() for name, value in pl_module.weights.items()}
        self.seen.append((weights, self.admm.z, self.admm.u))


def test_u_is_the_running_sum_of_the_residuals_at_every_third_epoch() -> None:
    admm = Admm(0.5, rho=0.4, every=3)
    train(admm, updates := Updates(admm), max_epochs=8)
    total = {f"{name}.weight": torch.zeros(shape).double() for name, shape in SHAPES.items()}
    for epoch, (w, z, u) in enumerate(updates.seen):
        if epoch in (3, 6):
            total = {name: total[name] + w[name] - z[name] for name in total}
        assert all(torch.allclose(u[name], total[name]) for name in total)
        assert {name: int((value != 0).sum()) for name, value in z.items()} == {"a.weight": 6, "b.weight": 5}
        if epoch not in (0, 3, 6):
            assert (z, u) == updates.seen[epoch - 1][1:], "the very same tensors"
    assert sum(bool(value.any()) for value in total.values()) == 2


@pytest.mark.parametrize("rho", [0.1, 1.0, 4.0])
def test_the_penalty_leaves_of_the_distance_what_its_weight_says(rho: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """From W = T the minimum of ||W - T||^2 + rho ||W - Z||^2 is at a distance of ||T - Z|| / (1 + rho) from Z."""
    target = draw("target")
    monkeypatch.setattr(f"{__name__}.TARGETS", [target] * 4)
    monkeypatch.setattr(f"{__name__}.LR", 0.3 / (1 + rho))
    trained, nearest = train(Admm(0.5, rho=rho, every=99), start=target, max_epochs=30), largest(target, 0.5)
    for name in SHAPES:
        assert torch.allclose(trained[name] - nearest[name], (target[name] - nearest[name]) / (1 + rho))


def test_every_epoch_tells_how_far_the_weights_are_from_sparse_ones_and_that_falls(tmp_path: Path) -> None:
    admm, history = Admm(0.5, rho=2.0, every=1), History(tmp_path / "metrics.jsonl")
    trained = train(admm, history, max_epochs=12)
    told = [row["admm_residual"] for row in history.rows]
    far = torch.cat([(trained[name] - admm.z[f"{name}.weight"]).flatten() for name in SHAPES])
    assert told[-1] == pytest.approx(float(far.norm() / torch.cat([w.flatten() for w in trained.values()]).norm()))
    assert len(told) == 12
    assert told[-1] < 0.2 * told[0]


def test_a_penalty_of_no_weight_is_plain_training_bit_for_bit() -> None:
    plain, other = Foreign(), Foreign()
    fit(plain)
    fit(other, Admm(0.3, rho=0.0, every=1))
    states = plain.state_dict(), other.state_dict()
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_weights_that_may_not_be_pruned_are_left_alone() -> None:
    plain = train(Admm(0.5, rho=0.0))
    drawn = train(Admm(0.5, prunable=Prunable(exclude=["a.*"]), rho=0.5))
    assert torch.equal(plain["a"], drawn["a"])
    assert not torch.equal(plain["b"], drawn["b"])


class Alternating(Quadratic):
    """Two optimizers, the second of which steps after both losses have left their gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch: Any, batch_idx: int) -> None:  # type: ignore[override]
        optimizers: Any = self.optimizers()
        for optimizer in optimizers:
            optimizer.zero_grad()
        self.manual_backward(super().training_step(batch, batch_idx))
        for optimizer in optimizers:
            optimizer.step()

    def configure_optimizers(self) -> Any:
        return [torch.optim.SGD(self.get_submodule(name).parameters(), lr=LR) for name in SHAPES]


def test_each_of_two_optimizers_draws_its_own_weights_once() -> None:
    module = Alternating()
    fit(module, Admm(0.5, rho=0.4, every=1), max_epochs=3)
    assert close({name: weight.detach() for name, weight in module.weights.items()}, by_hand(0.5, 0.4, 1, 3)[0])


def test_nothing_is_pruned() -> None:
    trained = train(Admm(0.25, rho=5.0, every=1), max_epochs=2)
    assert Mask({name: weight != 0 for name, weight in trained.items()}).density == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"rho": -0.1}, "rho is -0.1"), ({"rho": float("nan")}, "rho is nan"), ({"every": 0}, "every is 0")],
)
def test_wrong_values_are_sentences(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Admm(0.5, **arguments)
