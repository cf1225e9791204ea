"""SET, RigL and gradual pruning in real trainings, against the published loops written out by hand."""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from foreign import Batches, Foreign, OptimizerOf, fit, trainer
from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.plugins import MixedPrecision
from torch import Tensor, nn, optim
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR

from lth_lightning.sparsity import (
    SET,
    AtInit,
    Clock,
    Constant,
    Cosine,
    Fixed,
    Global,
    Gradual,
    LikeLearningRate,
    Mask,
    Now,
    Policy,
    Random,
    RigL,
    RigLInverted,
    Sample,
    Static,
    Uniform,
    count,
    drop_and_grow,
    generator,
    prunable,
)
from lth_lightning.training import KeepCheckpoint, Sparsify
from lth_lightning.training.misfit import MisfitError

SIZES = {"body.0.weight": 4 * 9, "body.4.weight": 64 * 3}
SIZE = sum(SIZES.values())
DENSITY = 0.4
STEPS = 12
START = AtInit(DENSITY, Random(1), Uniform())
CLOCK = Clock(4, STEPS)
SGD = partial(optim.SGD, lr=0.1, momentum=0.9, weight_decay=0.01)
ADAM = partial(optim.Adam, lr=0.01, weight_decay=0.1)
ADAMW = partial(optim.AdamW, lr=0.01, weight_decay=0.1)
OPTIMIZERS: list[OptimizerOf] = [SGD, ADAM, ADAMW]
every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda each: each.func.__name__)
Move = Callable[[Foreign, Mask, int, float], Mask]


def rate(step: int) -> float:
    return 1 - step / (2 * STEPS)


class Scheduled(Foreign):
    """With a learning rate that falls at every step."""

    def configure_optimizers(self) -> Any:
        made = self.optimizer(self.parameters())
        return [made], [{"scheduler": LambdaLR(made, rate), "interval": "step"}]


class Data(LightningDataModule):
    """The batches as a data module."""

    def train_dataloader(self) -> Batches:
        return Batches()


def train(module: LightningModule, *callbacks: Any, **options: Any) -> Trainer:
    """Three epochs of four batches, with a data module."""
    made = trainer(*callbacks, **{"max_epochs": 3} | options)
    made.fit(module, datamodule=Data())
    return made


def by_hand(optimizer: OptimizerOf, due: set[int], move: Move, instead: bool) -> tuple[Foreign, Mask]:
    """The published loop: at the steps that are due the mask moves, instead of the optimizer's step or after it."""
    module = Foreign(optimizer)
    weights = dict(prunable(module))
    mask = START.start(module, Mask.dense(weights))
    mask.apply(weights)
    steps = optimizer(list(module.parameters()))
    base = steps.param_groups[0]["lr"]
    done = 0

    def moved(now: int) -> Mask:
        new = move(module, mask, now, rate(now))
        for name, kept in new.items():
            fresh = kept & ~mask[name]
            for each in (weights[name].data, *states(steps, weights[name])):
                each[fresh | ~kept] = 0
        return new

    for _ in range(STEPS // 4):
        for images, labels in Batches():
            steps.zero_grad()
            cross_entropy(module(images), labels).backward()
            if instead and done in due:
                mask = moved(done)
            else:
                for name, weight in weights.items():
                    weight.grad *= mask[name]
                steps.step()
                mask.apply(weights)
                for name, weight in weights.items():
                    for state in states(steps, weight):
                        state *= mask[name]
            done += 1
            steps.param_groups[0]["lr"] = base * rate(done)
            if not instead and done in due:
                mask = moved(done)
    return module, mask


def states(optimizer: optim.Optimizer, weight: Tensor) -> list[Tensor]:
    return [value for value in optimizer.state[weight].values() if value is not None and value.shape == weight.shape]


def by_gradient(sign: float, share: Callable[[int, float], float]) -> Move:
    def move(module: Foreign, mask: Mask, step: int, lr: float) -> Mask:
        weights = prunable(module)
        return Mask(
            {n: drop_and_grow(weights[n], sign * weights[n].grad.abs(), k, share(step, lr)) for n, k in mask.items()}
        )

    return move


def cosine(step: int, lr: float) -> float:
    return 0.3 / 2 * (1 + math.cos(math.pi * step / 9))


@every_optimizer
@pytest.mark.parametrize(("kind", "sign"), [(RigL, 1.0), (RigLInverted, -1.0)])
def test_rigl_is_the_loop_of_the_paper_in_which_a_move_takes_the_place_of_a_step(
    kind: type[RigL], sign: float, optimizer: OptimizerOf
) -> None:
    module = Scheduled(optimizer)
    sparsify = Sparsify(kind(START, every="3it", end="9it", fraction=0.3))
    made = train(module, sparsify)
    expected, mask = by_hand(optimizer, {0, 3, 6, 9}, by_gradient(sign, cosine), instead=True)
    assert made.global_step == STEPS
    assert sparsify.mask == mask
    assert [step for step, _ in sparsify.history] == [0, 0, 3, 6], "none is exchanged at the end of the cosine"
    assert sparsify.dense_gradients == 4
    for name, value in expected.state_dict().items():
        assert torch.equal(module.state_dict()[name], value), name
    assert made.optimizers[0].param_groups[0]["lr"] == optimizer(module.parameters()).param_groups[0]["lr"] * 0.5


def on_the_sample(optimizer: OptimizerOf, share: Callable[[int, float], float]) -> Move:
    """By the gradient of the mean loss over three batches and the L2 term, of a copy of the network."""
    decay = 0.0 if optimizer is ADAMW else optimizer.keywords["weight_decay"]  # type: ignore[attr-defined]

    def move(module: Foreign, mask: Mask, step: int, lr: float) -> Mask:
        copy = Foreign()
        copy.load_state_dict(module.state_dict())
        batches = Batches().batches[:3]
        (sum(cross_entropy(copy(x), y, reduction="sum") for x, y in batches) / 18).backward()
        weights = prunable(copy)
        moved = {}
        for name, kept in mask.items():
            score = (weights[name].grad + decay * weights[name]).abs()
            close = score[~kept].sort().values.diff()
            assert not ((close > 0) & (close < 1e-7)).any(), "rounding may decide"
            moved[name] = drop_and_grow(weights[name], score, kept, share(step, lr))
        return Mask(moved)

    return move


@every_optimizer
def test_rigl_after_a_step_is_the_loop_that_grows_by_images_which_are_always_the_same(optimizer: OptimizerOf) -> None:
    module = Scheduled(optimizer)
    policy = RigL(
        START,
        every="3it",
        annealing=LikeLearningRate(),
        variant="after_step",
        sample=Sample(per_class=None, batches=3),
    )
    sparsify = Sparsify(policy)
    train(module, sparsify)
    share = lambda step, lr: 0.3 * lr  # noqa: E731
    expected, mask = by_hand(optimizer, {3, 6, 9, 12}, on_the_sample(optimizer, share), instead=False)
    assert sparsify.mask == mask
    assert [step for step, _ in sparsify.history] == [0, 3, 6, 9, 12]
    assert sparsify.dense_gradients == 4
    for name, value in expected.state_dict().items():
        assert torch.equal(module.state_dict()[name], value), name


def at_random(module: Foreign, mask: Mask, step: int, lr: float) -> Mask:
    weights = prunable(module)
    moved = {}
    for name, kept in mask.items():
        growth = torch.rand(kept.shape, generator=generator(f"SET/{name}", 7, step), dtype=torch.float64)
        moved[name] = drop_and_grow(weights[name], growth, kept, 0.3)
    return Mask(moved)


@every_optimizer
def test_set_is_the_loop_in_which_the_mask_moves_at_random_after_steps(optimizer: OptimizerOf) -> None:
    module = Scheduled(optimizer)
    sparsify = Sparsify(SET(START, every="1ep", annealing=Constant(), seed=7))
    train(module, sparsify)
    expected, mask = by_hand(optimizer, {4, 8, 12}, at_random, instead=False)
    assert sparsify.mask == mask
    assert sparsify.dense_gradients == 0
    for name, value in expected.state_dict().items():
        assert torch.equal(module.state_dict()[name], value), name


class Moves:
    """A watcher that compares what there is before and after a move."""

    def __init__(self) -> None:
        self.grown = self.regrown_with_momentum = self.dropped = self.moves = 0

    def before_move(self, trainer: Trainer, module: LightningModule, mask: Mask) -> None:
        self.mask = mask
        self.before = {name: self.values(trainer, module, name) for name in mask}

    def after_move(self, trainer: Trainer, module: LightningModule, mask: Mask) -> None:
        assert mask != self.mask
        self.moves += 1
        for name, kept in mask.items():
            before, after = self.before[name], self.values(trainer, module, name)
            grown, stays = kept & ~self.mask[name], kept & self.mask[name]
            for one, other in zip(before, after, strict=True):
                assert other[grown | ~kept].count_nonzero() == 0
                assert torch.equal(one[stays], other[stays]), "kept, be it dropped and grown at once: as it was"
            self.grown += int(grown.sum())
            self.dropped += int((self.mask[name] & ~kept).sum())

    def values(self, trainer: Trainer, module: LightningModule, name: str) -> list[Tensor]:
        weight = module.get_parameter(name)
        return [each.detach().clone() for each in (weight, *states(trainer.optimizers[0], weight))]


POLICIES: list[Policy] = [
    SET(START, every="2it"),
    RigL(START, every="2it"),
    RigL(START, every="2it", variant="after_step"),
    RigLInverted(START, every="2it", fraction=0.9),
    SET(START, every="1it", fraction=1.0, annealing=Constant()),
]
OPTIONS: list[dict[str, Any]] = [
    {},
    {"gradient_clip_val": 0.1},
    {"accumulate_grad_batches": 2, "max_epochs": 6},
    {"precision": "bf16-mixed"},
    {"precision": "bf16-true"},
]


@pytest.mark.parametrize(
    ("policy", "optimizer", "options"),
    [(policy, optimizer, {}) for policy in POLICIES for optimizer in OPTIMIZERS]
    + [(policy, ADAMW, options) for policy in POLICIES[:3] for options in OPTIONS[1:]],
    ids=lambda value: type(value).__name__ if isinstance(value, Policy) else str(getattr(value, "func", value)),
)
def test_grown_weights_have_no_value_and_no_momentum_others_keep_theirs_and_every_layer_its_density(
    policy: Policy, optimizer: OptimizerOf, options: dict[str, Any]
) -> None:
    module, sparsify, moves = Foreign(optimizer), Sparsify(policy), Moves()
    sparsify.watchers.append(moves)
    train(module, sparsify, **options)
    assert moves.moves == len(sparsify.history) - 1 >= 4
    assert moves.grown == moves.dropped > 0
    layers = {name: count(DENSITY, size) for name, size in SIZES.items()}
    assert [kept for _, kept in sparsify.history] == [layers] * len(sparsify.history)
    for name, kept in sparsify.mask.items():
        assert int(kept.sum()) == layers[name]
        assert module.get_parameter(name)[~kept].count_nonzero() == 0


def test_a_static_mask_is_the_one_to_start_with_and_costs_no_question() -> None:
    policy = Static(START)
    sparsify = Sparsify(policy)
    train(Foreign(), sparsify)
    assert not policy.moves
    assert sparsify.mask == START.start(Foreign(), Mask.dense(prunable(Foreign())))
    assert sparsify.history == [(0, {name: count(DENSITY, size) for name, size in SIZES.items()})]
    assert policy.reseeded(3) == Static(START.reseeded(3))


class Counts(Foreign):
    """How many weights are not zero after each batch, as a validation would see them."""

    def __init__(self) -> None:
        super().__init__(SGD)
        self.counts: list[dict[str, int]] = []

    def on_train_batch_end(self, *args: Any) -> None:
        self.counts.append({name: int(weight.count_nonzero()) for name, weight in prunable(self).items()})


def test_gradual_pruning_follows_the_cubic_from_its_first_step_to_its_last() -> None:
    module = Counts()
    sparsify = Sparsify(Gradual(0.1, every="2it", begin="3it", end="8it"))
    train(module, sparsify)
    # d = 0.1 + 0.9 * (1 - (t - 3) / 5) ** 3 after steps 3, 5, 7 and 8
    expected = [1, 1, 1, 1, 0.1 + 0.9 * 0.6**3, 0.1 + 0.9 * 0.6**3, 0.1 + 0.9 * 0.2**3] + [0.1] * 5
    assert [sum(each.values()) for each in module.counts] == [count(density, SIZE) for density in expected]
    for each, density in zip(module.counts, expected, strict=True):
        for name, size in SIZES.items():
            assert abs(each[name] - density * size) <= 1, "the same target in every layer"
    assert [step for step, _ in sparsify.history] == [0, 5, 7, 8]
    assert sparsify.dense_gradients == 0


def test_gradual_pruning_keeps_the_largest_and_brings_nothing_back() -> None:
    class Largest(Moves):
        def before_move(self, trainer: Trainer, module: LightningModule, mask: Mask) -> None:
            self.mask, self.sizes = mask, {name: module.get_parameter(name).detach().abs() for name in mask}

        def after_move(self, trainer: Trainer, module: LightningModule, mask: Mask) -> None:
            assert mask.within(self.mask)
            flat = torch.cat([size.flatten() for size in self.sizes.values()])
            kept = torch.cat([each.flatten() for each in mask.values()])
            assert flat[kept].min() >= flat[~kept].max()
            self.moves += 1

    sparsify, watcher = Sparsify(Gradual(0.1, every="1it", allocation=Global())), Largest()
    sparsify.watchers.append(watcher)
    train(Foreign(SGD), sparsify)
    assert watcher.moves == STEPS - 1, "the last is of less than a weight"
    assert sparsify.mask.kept == count(0.1, SIZE)


def test_gradual_pruning_begins_with_the_density_that_it_is_given() -> None:
    sparsify = Sparsify(Gradual(0.25, every="4it", initial_density=0.5))
    train(Foreign(), sparsify)
    kept = [sum(each.values()) for _, each in sparsify.history]
    # 0.25 + 0.25 * (1 - t / 12) ** 3 at steps 0, 4, 8, 12
    assert kept == [count(density, SIZE) for density in (0.5, 0.25 + 0.25 * (2 / 3) ** 3, 0.25 + 0.25 / 27, 0.25)]


def test_gradients_that_are_not_finite_move_no_mask() -> None:
    module = Foreign()
    mask = START.start(module, Mask.dense(prunable(module)))
    for weight in module.parameters():
        weight.grad = torch.full_like(weight, math.inf)
    assert RigL(START).update(module, mask, Now(0, CLOCK)) is mask


def test_a_weight_without_a_gradient_is_grown_last() -> None:
    module = Foreign()
    module.body[0].weight.requires_grad_(False)
    sparsify = Sparsify(RigL(START, every="2it"))
    train(module, sparsify)
    assert sparsify.history[-1][1] == {name: count(DENSITY, size) for name, size in SIZES.items()}


class Overflows(Foreign):
    """The first loss is too large for a gradient scaler."""

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        loss = super().training_step(batch, batch_idx)
        return loss * 1e38 if self.batches == 1 else loss


def test_under_a_gradient_scaler_a_move_replaces_a_step_and_an_overflow_moves_nothing() -> None:
    module, scaler = Overflows(SGD), torch.amp.GradScaler("cpu", init_scale=2.0**16)
    sparsify = Sparsify(RigL(START, every="4it"))
    train(module, sparsify, plugins=[MixedPrecision("16-mixed", "cpu", scaler)])
    assert [step for step, _ in sparsify.history] == [0, 4, 8]
    assert scaler.get_scale() == 2.0**15, "the overflow of the first step is seen"
    for name, kept in sparsify.mask.items():
        assert module.get_parameter(name)[~kept].count_nonzero() == 0


def test_drawing_images_to_grow_by_disturbs_no_training() -> None:
    class Dry(RigL):
        """Looks at the gradients, and leaves the mask."""

        def after(self, net: nn.Module, mask: Mask, now: Now) -> Mask:
            super().after(net, mask, now)
            return mask

    with_dropout = [Foreign(SGD), Foreign(SGD)]
    for module in with_dropout:
        module.body.insert(3, nn.Dropout(0.3))
    prunes = prunable(with_dropout[0])
    start = Fixed(AtInit(DENSITY, Random(1)).start(with_dropout[0], Mask.dense(prunes)))
    sample = Sample(per_class=None, batches=2)
    for module, policy in zip(
        with_dropout, (start, Dry(start, "1it", variant="after_step", sample=sample)), strict=True
    ):
        torch.manual_seed(3)
        train(module, Sparsify(policy))
    one, other = (module.state_dict() for module in with_dropout)
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_a_policy_is_asked_at_no_other_steps_than_those_that_are_due() -> None:
    asked: list[int] = []

    class Noted(SET):
        def growth(self, net: nn.Module, mask: Mask, now: Now) -> Mapping[str, Tensor]:
            asked.append(now.step)
            return super().growth(net, mask, now)

    train(Foreign(), Sparsify(Noted(START, every="1ep", begin="2it", end="11it", annealing=Constant())))
    assert asked == [2, 6, 10]


def resumed(policy: Policy, folder: Path, at: str) -> Iterator[tuple[Foreign, Sparsify]]:
    for start in (None, folder / at):
        module, sparsify = Scheduled(ADAMW), Sparsify(policy)
        made = trainer(sparsify, *([] if start else [KeepCheckpoint(folder / at, at)]), max_epochs=3)
        made.fit(module, datamodule=Data(), ckpt_path=start, weights_only=True)
        yield module, sparsify


@pytest.mark.parametrize("at", ["1ep", "2ep"])
@pytest.mark.parametrize("policy", [*POLICIES[:3], Gradual(0.2, every="2it")], ids=lambda each: type(each).__name__)
def test_a_resumed_training_has_the_masks_and_the_history_of_one_that_was_not_cut(
    policy: Policy, at: str, tmp_path: Path
) -> None:
    (one, first), (other, second) = resumed(policy, tmp_path, at)
    assert other.batches == 4 * (3 - int(at[0])), "begun where it was cut"
    assert (first.mask, first.history, first.dense_gradients) == (second.mask, second.history, second.dense_gradients)
    assert len(first.history) > 4
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        (SET(START, every="13it"), "every is 13it (13 steps), but training ends after 12 steps, so the mask would not"),
        (RigL(START, every="4ep"), "every is 4ep (16 steps), but training ends after 12 steps"),
        (SET(START, every="2it", begin="3ep"), "begin is 3ep (step 12), but training ends after 12 steps"),
        (Gradual(0.2, "1it", "1ep", "3it"), "end is 3it (step 3), before begin, 1ep (step 4): give a later end"),
        (
            Gradual(0.2, "1it", "1it", "20it"),
            "end is 20it (step 20), but training ends after 12 steps: give an earlier",
        ),
        (RigL(START, "2it", end="4ep"), "end is 4ep (step 16), but training ends after 12 steps"),
    ],
)
def test_moments_that_do_not_fit_the_training_are_refused_before_its_first_step(policy: Policy, says: str) -> None:
    module = Foreign()
    with pytest.raises(MisfitError) as refusal:
        train(module, Sparsify(policy))
    assert says in str(refusal.value)
    assert module.batches == 0


def test_a_training_without_an_end_needs_an_end_in_steps() -> None:
    with pytest.raises(MisfitError, match=r"no end that is known, so end, end, never comes.*such as 30000it"):
        train(Foreign(), Sparsify(SET(START, every="2it")), max_epochs=-1)


@pytest.mark.parametrize("fraction", [-0.1, 1.1, math.nan])
def test_a_fraction_outside_its_range_is_refused(fraction: float) -> None:
    with pytest.raises(ValueError, match=f"from 0 to 1, not {fraction}"):
        SET(START, fraction=fraction)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: SET(START, every="0it"), "every is '0it', but a mask moves every so many steps"),
        (lambda: SET(START, every="end"), "every is 'end'"),
        (lambda: SET(START, every="2 epochs"), "a moment of training is written like"),
        (lambda: Gradual(0.2, begin="5ep", end="4ep"), "end is 4ep, before begin, 5ep: give a later end"),
        (lambda: Gradual(0.0), r"density is the share of weights kept, in \(0, 1\], not 0"),
        (lambda: Gradual(0.5, initial_density=0.4), "density is 0.5, above initial_density, 0.4"),
        (lambda: RigL(START, every="1it"), "every is 1it, so moves of the mask would replace every step"),
        (lambda: RigL(START, variant="tf1"), "'replaces_step' or comes 'after_step', not 'tf1'"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(make: Callable[[], Policy], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


def test_a_gradual_density_that_the_allocation_does_not_reach_is_refused_before_training() -> None:
    weights = Mask.dense(prunable(Foreign()))
    with pytest.raises(ValueError, match="Uniform can keep no fewer than 36"):
        Gradual(0.1, allocation=Uniform(dense_first=True)).check(weights)
    with pytest.raises(ValueError, match="keeps none"):
        SET(AtInit(1e-6)).check(weights)


def test_without_images_rigl_after_steps_is_refused_before_its_first_step() -> None:
    module = Foreign()
    with pytest.raises(ValueError, match="no data module"):
        fit(module, Sparsify(RigL(START, variant="after_step", every="4it")))
    with pytest.raises(ValueError, match=r"by the loss on images, but was given none"):
        RigL(START, variant="after_step").start(module, Mask.dense(prunable(module)))
    assert module.batches == 0


def test_the_cosine_is_that_of_the_paper() -> None:
    assert [cosine(step, 1.0) for step in (0, 3, 9)] == pytest.approx([0.3 * Cosine()(s, 9, 1.0) for s in (0, 3, 9)])
