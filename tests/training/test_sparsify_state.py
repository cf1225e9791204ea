"""What the pruning callback leaves behind: in checkpoints, in copies, in memory and on the optimizer."""

import gc
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from foreign import Batches, Foreign, fit
from torch import Tensor, nn

from lth_lightning.sparsity import AtInit, Fixed, Mask, Policy, Random, SparseFanIn, count, prunable
from lth_lightning.sparsity.sample import Draw, nothing
from lth_lightning.training import KeepCheckpoint, Sparsify

DENSITY = 0.3
SIZE = 4 * 9 + 64 * 3


class NeverAsked(Policy):
    def start(self, net: nn.Module, weights: Mask, draw: Draw = nothing) -> Mask:
        raise AssertionError("a resumed training asked for a mask")


@pytest.fixture
def trained(tmp_path: Path) -> tuple[Foreign, Sparsify, Path]:
    module, sparsify = Foreign(), Sparsify(AtInit(DENSITY, Random(1)))
    fit(module, sparsify, KeepCheckpoint(tmp_path / "1ep.ckpt", "1ep"), KeepCheckpoint(tmp_path / "end.ckpt", "end"))
    return module, sparsify, tmp_path


def test_a_checkpoint_has_the_keys_of_the_dense_network_its_zeros_and_the_mask(
    trained: tuple[Foreign, Sparsify, Path],
) -> None:
    _, sparsify, folder = trained
    checkpoint = torch.load(folder / "end.ckpt", weights_only=True)
    assert checkpoint["state_dict"].keys() == Foreign().state_dict().keys()
    assert Mask(checkpoint["callbacks"]["Sparsify"]["mask"]) == sparsify.mask
    for name, kept in sparsify.mask.items():
        assert torch.equal(checkpoint["state_dict"][name] != 0, kept)


def test_a_checkpoint_loads_strictly_into_an_unpruned_module(trained: tuple[Foreign, Sparsify, Path]) -> None:
    module, _, folder = trained
    dense = Foreign()
    dense.load_state_dict(torch.load(folder / "end.ckpt", weights_only=True)["state_dict"], strict=True)
    loaded = Foreign.load_from_checkpoint(folder / "end.ckpt", weights_only=True)
    images = next(iter(Batches()))[0]
    for other in (dense.eval(), loaded.eval()):
        assert torch.equal(other(images), module.eval()(images))


def test_a_resumed_training_keeps_the_mask_without_asking_the_policy_and_ends_the_same(
    trained: tuple[Foreign, Sparsify, Path],
) -> None:
    module, sparsify, folder = trained
    resumed, callback = Foreign(), Sparsify(NeverAsked())
    trainer = fit(resumed, callback, start=folder / "1ep.ckpt")
    assert (trainer.global_step, resumed.batches) == (8, 4)
    assert callback.mask == sparsify.mask
    for name, value in module.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_a_checkpoint_of_a_training_without_the_callback_starts_with_the_policy(tmp_path: Path) -> None:
    fit(Foreign(), KeepCheckpoint(tmp_path / "1ep.ckpt", "1ep"))
    module, sparsify = Foreign(), Sparsify(AtInit(DENSITY))
    fit(module, sparsify, start=tmp_path / "1ep.ckpt")
    assert sum(int(weight.count_nonzero()) for weight in prunable(module).values()) == count(DENSITY, SIZE)


def start_of(path: Path, *callbacks: Any, start: Path | None = None) -> dict[str, Tensor]:
    """The weights before the first step of a training."""
    fit(Foreign(), *callbacks, KeepCheckpoint(path, "0it"), start=start)
    state: dict[str, Tensor] = torch.load(path, weights_only=True)["state_dict"]
    return state


def test_a_fresh_training_starts_with_weights_drawn_for_its_mask(tmp_path: Path) -> None:
    first, plain, other = (
        start_of(tmp_path / f"{number}.ckpt", Sparsify(AtInit(DENSITY), **options))
        for number, options in enumerate(
            ({"initialise": SparseFanIn(), "seed": 3}, {}, {"initialise": SparseFanIn(), "seed": 4})
        )
    )
    expected = Foreign()
    mask = AtInit(DENSITY).start(expected, Mask.dense(prunable(expected)))
    mask.apply(dict(expected.named_parameters()))
    assert all(torch.equal(value, plain[name]) for name, value in expected.state_dict().items())
    SparseFanIn()(expected, mask, 3)
    assert all(torch.equal(value, first[name]) for name, value in expected.state_dict().items())
    assert [name for name in first if not torch.equal(first[name], other[name])] == list(mask)


def test_a_training_that_starts_from_a_checkpoint_keeps_its_weights(tmp_path: Path) -> None:
    dense = start_of(tmp_path / "dense.ckpt")
    for kept in (Mask.dense(prunable(Foreign())), AtInit(DENSITY).start(Foreign(), Mask.dense(prunable(Foreign())))):
        ticket = Sparsify(Fixed(kept), initialise=SparseFanIn())
        state = start_of(tmp_path / "ticket.ckpt", ticket, start=tmp_path / "dense.ckpt")
        assert all(torch.equal(state[name], value * kept.get(name, 1)) for name, value in dense.items())
        (tmp_path / "ticket.ckpt").unlink()


def test_a_training_with_weights_of_its_own_resumes_as_if_it_had_not_been_cut(tmp_path: Path) -> None:
    whole, resumed = Foreign(), Foreign()
    own = {"initialise": SparseFanIn(), "seed": 3}
    fit(whole, Sparsify(AtInit(DENSITY), **own), KeepCheckpoint(tmp_path / "1ep.ckpt", "1ep"))
    trainer = fit(resumed, Sparsify(NeverAsked(), **own), start=tmp_path / "1ep.ckpt")
    assert (trainer.global_step, resumed.batches) == (8, 4)
    assert all(torch.equal(value, resumed.state_dict()[name]) for name, value in whole.state_dict().items())


def test_a_mask_in_a_checkpoint_that_does_not_fit_the_network_is_refused(
    trained: tuple[Foreign, Sparsify, Path],
) -> None:
    path = trained[2] / "1ep.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    masks = checkpoint["callbacks"]["Sparsify"]["mask"]
    masks["body.9.weight"] = masks.pop("body.4.weight")
    torch.save(checkpoint, path)
    with pytest.raises(ValueError, match=r"the mask has body\.9\.weight, which this network lacks"):
        fit(Foreign(), Sparsify(NeverAsked()), start=path)


def test_saving_changes_nothing(trained: tuple[Foreign, Sparsify, Path]) -> None:
    module, _, _ = trained
    other = Foreign()
    fit(other, Sparsify(AtInit(DENSITY, Random(1))))
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in module.state_dict().items())


def test_the_trained_module_can_be_copied_and_trained_on_without_the_callback(
    trained: tuple[Foreign, Sparsify, Path],
) -> None:
    module, _, _ = trained
    copy = deepcopy(module)
    assert type(copy.body[4]) is nn.Linear
    assert all(torch.equal(value, copy.state_dict()[name]) for name, value in module.state_dict().items())
    before = copy.body[4].weight.clone()
    fit(copy)
    assert not torch.equal(copy.body[4].weight, before)


class HoldsItsOptimizer(Foreign):
    """So that whatever a callback leaves on an optimizer is still there in the next training."""

    fails_at: int | None = None

    def __init__(self) -> None:
        super().__init__()
        self.held = self.optimizer(self.parameters())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.held

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        if batch_idx == self.fails_at:
            raise InterruptedError
        return super().training_step(batch, batch_idx)


def hooks(module: HoldsItsOptimizer) -> int:
    on_modules = sum(len(each._forward_hooks) + len(each._forward_pre_hooks) for each in module.modules())
    on_weights = sum(len(weight._backward_hooks or ()) for weight in module.parameters())
    return on_modules + on_weights + len(module.held._optimizer_step_post_hooks)


def tensors() -> int:
    gc.collect()
    return sum(issubclass(type(each), Tensor) for each in gc.get_objects())


@pytest.mark.slow
def test_one_training_after_another_leaves_no_tensor_and_no_hook() -> None:
    module = HoldsItsOptimizer()
    before = hooks(module)
    counts = []
    for density in (0.8, 0.5, 0.2):
        fit(module, Sparsify(AtInit(density)))
        assert hooks(module) == before
        assert sum(int(weight.count_nonzero()) for weight in prunable(module).values()) == count(density, SIZE)
        counts.append(tensors())
    assert counts[1] == counts[2]


def test_a_training_that_fails_leaves_no_hook() -> None:
    module = HoldsItsOptimizer()
    before = hooks(module)
    module.fails_at = 2
    with pytest.raises(InterruptedError):
        fit(module, Sparsify(AtInit(DENSITY)))
    assert hooks(module) == before


def test_a_failure_before_the_first_step_is_not_hidden_by_another() -> None:
    class Broken(Foreign):
        def configure_optimizers(self) -> Any:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fit(Broken(), Sparsify(AtInit(DENSITY)))
