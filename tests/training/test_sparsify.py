"""The pruning callback's promises, on a module that knows nothing of it, with Lightning's own Trainer."""

from functools import partial
from typing import Any

import pytest
import torch
from foreign import Batches, Foreign, OptimizerOf, fit, momentum
from torch import Tensor, nn, optim
from torch.func import functional_call
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_, clip_grad_value_, get_total_norm
from watch import Watch

from lth_lightning.sparsity import AtInit, Fixed, Mask, Prunable, Random, count, prunable
from lth_lightning.training import Sparsify

DENSITY = 0.3
SIZE = 4 * 9 + 64 * 3
NESTEROV = partial(optim.SGD, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True)
ADAMW = partial(optim.AdamW, lr=0.01, weight_decay=0.1, amsgrad=True)
# each with the number of states that have the weight's shape
OPTIMIZERS: list[tuple[OptimizerOf, int]] = [
    (NESTEROV, 1),
    (ADAMW, 3),
    (partial(optim.SGD, lr=0.1), 0),
    (partial(optim.Adam, lr=0.01, weight_decay=0.1), 2),
    (partial(optim.RMSprop, lr=0.01, momentum=0.9, centered=True), 3),
    (partial(optim.Adagrad, lr=0.01, initial_accumulator_value=0.1), 1),
    (partial(optim.Adadelta, weight_decay=0.1), 2),
    (partial(optim.Adamax, weight_decay=0.1), 2),
    (partial(optim.NAdam, weight_decay=0.1), 2),
    (partial(optim.RAdam, weight_decay=0.1), 2),
    (partial(optim.Rprop), 2),
    (partial(optim.ASGD, lr=0.1), 1),
    (partial(optim.Adafactor), 0),
]
OPTIONS: list[dict[str, Any]] = [
    {"gradient_clip_val": 0.1},
    {"gradient_clip_val": 0.01, "gradient_clip_algorithm": "value"},
    {"accumulate_grad_batches": 3},
    {"precision": "bf16-mixed"},
    {"precision": "bf16-true"},
    {"precision": "64-true"},
]


def name(value: object) -> str:
    return value.func.__name__ if isinstance(value, partial) else str(value)


@pytest.mark.parametrize(
    ("optimizer", "states", "options"),
    [(*row, {}) for row in OPTIMIZERS] + [(*row, options) for row in OPTIMIZERS[:2] for options in OPTIONS],
    ids=name,
)
def test_after_every_step_pruned_weights_and_their_optimizer_state_are_zero(
    optimizer: OptimizerOf, states: int, options: dict[str, Any]
) -> None:
    module, watch = Foreign(optimizer), Watch(count(DENSITY, SIZE))
    before = {name: weight.detach().clone() for name, weight in prunable(module).items()}
    trainer = fit(module, Sparsify(AtInit(DENSITY)), watch, **options)
    assert trainer.global_step == (4 if "accumulate_grad_batches" in options else 8)
    assert watch.looks == trainer.global_step + 8
    assert watch.states == 2 * states
    for name, weight in prunable(module).items():
        assert not torch.equal(weight, torch.where(weight != 0, before[name].to(weight), 0)), "nothing was learned"


def train_by_hand(
    mask: Mask,
    optimizer: OptimizerOf,
    gradient_clip_val: float = 0.0,
    gradient_clip_algorithm: str = "norm",
    accumulate_grad_batches: int = 1,
) -> tuple[dict[str, Tensor], list[float]]:
    """Two epochs of a network whose forward multiplies the weights by the mask, and which is otherwise dense."""
    module = Foreign()
    weights = dict(module.named_parameters())
    steps = optimizer(list(weights.values()))
    norms = []
    for _ in range(2):
        for index, (images, labels) in enumerate(Batches(), start=1):
            masked = {name: weight * mask[name] if name in mask else weight for name, weight in weights.items()}
            (cross_entropy(functional_call(module, masked, images), labels) / accumulate_grad_batches).backward()
            if index % accumulate_grad_batches == 0 or index == 4:
                norms.append(get_total_norm([weight.grad for weight in weights.values()]).item())
                if gradient_clip_val:
                    clip = clip_grad_norm_ if gradient_clip_algorithm == "norm" else clip_grad_value_
                    clip(weights.values(), gradient_clip_val)
                steps.step()
                steps.zero_grad()
    mask.apply(weights)
    return dict(module.state_dict()), norms


class Norms(Foreign):
    """Notes the norm of the gradient where a module may: before clipping."""

    def __init__(self, optimizer: OptimizerOf) -> None:
        super().__init__(optimizer)
        self.norms: list[float] = []

    def on_before_optimizer_step(self, optimizer: optim.Optimizer) -> None:
        self.norms.append(get_total_norm([weight.grad for weight in self.parameters()]).item())


@pytest.mark.parametrize("options", [{}, *OPTIONS[:3]], ids=str)
@pytest.mark.parametrize("optimizer", [NESTEROV, ADAMW], ids=name)
@pytest.mark.parametrize("kind", [Foreign, Norms])
def test_training_is_that_of_a_forward_with_masked_weights_and_sees_its_gradient_norm(
    kind: type[Foreign], optimizer: OptimizerOf, options: dict[str, Any]
) -> None:
    module = kind(optimizer)
    mask = AtInit(DENSITY, Random(1)).start(module, Mask.dense(prunable(module)))
    fit(module, Sparsify(Fixed(mask)), **options)
    by_hand, norms = train_by_hand(mask, optimizer, **options)
    assert module.state_dict().keys() == by_hand.keys()
    for name, value in module.state_dict().items():
        assert torch.equal(value, by_hand[name]), name
    assert getattr(module, "norms", norms) == norms


@pytest.mark.parametrize("optimizer", [NESTEROV, ADAMW, partial(optim.NAdam)], ids=name)
def test_a_dense_mask_changes_no_bit_of_the_training(optimizer: OptimizerOf) -> None:
    without, under_mask = Norms(optimizer), Norms(optimizer)
    fit(without)
    fit(under_mask, Sparsify(AtInit(1.0)))
    assert without.norms == under_mask.norms
    for name, value in without.state_dict().items():
        assert torch.equal(value, under_mask.state_dict()[name]), name


def test_weights_that_the_optimizer_does_not_have_or_that_are_frozen_are_masked_all_the_same() -> None:
    module = Foreign()
    module.body[0].weight.requires_grad_(False)
    before = module.body[0].weight.clone()
    mask = AtInit(DENSITY).start(module, Mask.dense(prunable(module)))
    fit(module, Sparsify(Fixed(mask)))
    assert torch.equal(module.body[0].weight, before * mask["body.0.weight"])
    assert torch.equal(module.body[4].weight != 0, mask["body.4.weight"])


def test_tied_weights_are_masked_once_and_zero_in_both_places() -> None:
    module = Foreign()
    module.body = nn.Sequential(nn.Flatten(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16))
    module.body[3].weight = module.body[1].weight
    sparsify = Sparsify(AtInit(DENSITY))
    fit(module, sparsify)
    assert list(sparsify.mask) == ["body.1.weight"]
    for layer in (module.body[1], module.body[3]):
        assert torch.equal(layer.weight != 0, sparsify.mask["body.1.weight"])


def test_only_the_chosen_layers_are_masked() -> None:
    module = Foreign(momentum)
    sparsify = Sparsify(AtInit(0.5), Prunable(exclude=["*.0.weight"]))
    fit(module, sparsify)
    assert list(sparsify.mask) == ["body.4.weight"]
    assert sparsify.mask.kept == 96
    assert module.body[0].weight.count_nonzero() == 36


def test_the_next_forward_uses_the_masked_weights() -> None:
    class Forwards(Foreign):
        seen: list[int]

        def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
            self.seen.append(sum(int(weight.count_nonzero()) for weight in prunable(self).values()))
            return super().training_step(batch, batch_idx)

    module = Forwards()
    module.seen = []
    fit(module, Sparsify(AtInit(DENSITY)))
    assert module.seen == [count(DENSITY, SIZE)] * 8


def test_two_optimizers_stepped_by_hand_are_both_masked() -> None:
    class ByHand(Foreign):
        """A body and a head with an optimizer each, stepped in turn."""

        def __init__(self) -> None:
            super().__init__()
            self.automatic_optimization = False

        def configure_optimizers(self) -> Any:
            return NESTEROV(self.body[:2].parameters()), ADAMW(self.body[4].parameters())

        def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
            optimizer = self.optimizers()[batch_idx % 2]
            optimizer.zero_grad()
            self.manual_backward(super().training_step(batch, batch_idx))
            optimizer.step()
            assert sum(int(weight.count_nonzero()) for weight in prunable(self).values()) == count(DENSITY, SIZE)

    module = ByHand()
    sparsify = Sparsify(AtInit(DENSITY))
    trainer = fit(module, sparsify)
    assert trainer.global_step == 8
    states = [state for optimizer in trainer.optimizers for state in optimizer.state.items()]
    masks = {module.get_parameter(name): kept for name, kept in sparsify.mask.items()}
    checked = [value for weight, state in states if weight in masks for value in state.values() if value.dim() > 1]
    assert len(checked) == 1 + 3
    for weight, kept in masks.items():
        assert torch.equal(weight != 0, kept)
        assert all(value[~kept].count_nonzero() == 0 for value in checked if value.shape == weight.shape)
