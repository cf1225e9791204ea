"""A user's own policy that drops and regrows weights while training."""

from typing import Any

import pytest
import torch
from foreign import Foreign, OptimizerOf, fit
from torch import Tensor, nn, optim

from lth_lightning.sparsity import AtInit, Mask, Now, Policy, Random, count, prunable
from lth_lightning.sparsity.sample import Draw, nothing
from lth_lightning.training import Sparsify

SIZE = 4 * 9 + 64 * 3
DENSITY = 0.4
MOVES = 3  # weights per layer


class DropAndRegrow(Policy):
    """Before every second step, drops the smallest weights and brings back those of the largest gradients."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.grown: dict[str, Tensor] = {}

    def start(self, net: nn.Module, weights: Mask, draw: Draw = nothing) -> Mask:
        return AtInit(DENSITY, Random(1)).start(net, weights)

    def update(self, net: nn.Module, mask: Mask, now: Now) -> Mask:
        self.grown = {}
        self.steps.append(now.step)
        if now.step % 2 == 0:
            return mask
        moved = {}
        for name, kept in mask.items():
            weight = net.get_parameter(name)
            dense = weight.grad[~kept]
            assert dense.count_nonzero() > dense.numel() / 2, "the gradients are masked already"
            drop = weight.abs().where(kept, torch.inf).flatten().topk(MOVES, largest=False).indices
            grow = weight.grad.abs().where(~kept, -1).flatten().topk(MOVES).indices
            flat = kept.flatten().clone()
            flat[drop], flat[grow] = False, True
            moved[name] = flat.view_as(kept)
            self.grown[name] = moved[name] & ~kept
        return Mask(moved)


class Watched(Foreign):
    """Compares regrown weights and their optimizer state before and after the step."""

    def __init__(self, optimizer: OptimizerOf) -> None:
        super().__init__(optimizer)
        self.regrown = 0

    def policy(self) -> tuple[DropAndRegrow, Mask]:
        (sparsify,) = (callback for callback in self.trainer.callbacks if isinstance(callback, Sparsify))
        return sparsify.policy, sparsify.mask

    def states(self, weight: Tensor) -> dict[str, Tensor]:
        state = self.trainer.optimizers[0].state[weight]
        return {key: value for key, value in state.items() if value is not None and value.shape == weight.shape}

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        policy, mask = self.policy()
        for name, grown in policy.grown.items():
            weight = self.get_parameter(name)
            for value in (weight, *self.states(weight).values()):
                assert value[grown].count_nonzero() == 0
                assert value[~mask[name]].count_nonzero() == 0
            assert torch.equal(weight.grad != 0, mask[name] & (weight.grad != 0))

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        super().optimizer_step(*args, **kwargs)
        policy, mask = self.policy()
        assert mask.kept == count(DENSITY, SIZE)
        for name, kept in mask.items():
            assert self.get_parameter(name)[~kept].count_nonzero() == 0
        for name, grown in policy.grown.items():
            weight = self.get_parameter(name)
            self.regrown += int(weight[grown].count_nonzero())
            self.check_first_step(
                weight[grown], weight.grad[grown], {k: v[grown] for k, v in self.states(weight).items()}
            )

    def check_first_step(self, weight: Tensor, gradient: Tensor, states: dict[str, Tensor]) -> None:
        raise NotImplementedError


class WithMomentum(Watched):
    def check_first_step(self, weight: Tensor, gradient: Tensor, states: dict[str, Tensor]) -> None:
        assert torch.equal(states["momentum_buffer"], gradient)
        assert torch.equal(weight, -0.1 * gradient)


class WithAdam(Watched):
    def check_first_step(self, weight: Tensor, gradient: Tensor, states: dict[str, Tensor]) -> None:
        assert torch.allclose(states["exp_avg"], 0.1 * gradient)
        assert torch.allclose(states["exp_avg_sq"], 0.001 * gradient**2)


@pytest.mark.parametrize("options", [{}, {"accumulate_grad_batches": 2, "max_epochs": 4}], ids=str)
@pytest.mark.parametrize(
    "module",
    [
        lambda: WithMomentum(lambda parameters: optim.SGD(parameters, lr=0.1, momentum=0.9)),
        lambda: WithAdam(lambda parameters: optim.AdamW(parameters, lr=0.01)),
    ],
    ids=["momentum", "adam"],
)
def test_regrown_weights_start_at_zero_without_momentum_and_the_density_stays(
    module: Any, options: dict[str, Any]
) -> None:
    module, policy = module(), DropAndRegrow()
    first = policy.start(module, Mask.dense(prunable(module)))
    sparsify = Sparsify(policy)
    fit(module, sparsify, **options)
    assert policy.steps == list(range(8)), "asked once per optimizer step, not per batch"
    assert module.regrown == 4 * 2 * MOVES
    assert sparsify.mask != first


def test_a_policy_may_prune_gradually() -> None:
    class Gradual(Policy):
        def start(self, net: nn.Module, weights: Mask, draw: Draw = nothing) -> Mask:
            return weights

        def update(self, net: nn.Module, mask: Mask, now: Now) -> Mask:
            dense = Mask.dense(mask)
            return AtInit(1 - 0.1 * now.step).start(net, dense) if now.step % 2 == 0 else mask

    class Counted(Foreign):
        def __init__(self) -> None:
            super().__init__()
            self.counts: list[int] = []

        def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
            super().optimizer_step(*args, **kwargs)
            self.counts.append(sum(int(weight.count_nonzero()) for weight in prunable(self).values()))

    module = Counted()
    fit(module, Sparsify(Gradual()))
    assert module.counts == [count(density, SIZE) for density in (1, 1, 0.8, 0.8, 0.6, 0.6, 0.4, 0.4)]


def test_a_weight_that_comes_back_before_its_own_optimizer_steps_has_no_momentum_either() -> None:
    class DropForAStep(Policy):
        """Prunes the head before a step of the body's optimizer, and brings it back before the head's own."""

        def start(self, net: nn.Module, weights: Mask, draw: Draw = nothing) -> Mask:
            return weights

        def update(self, net: nn.Module, mask: Mask, now: Now) -> Mask:
            if now.step not in (4, 5):
                return mask
            return Mask({**mask, "body.4.weight": torch.full_like(mask["body.4.weight"], now.step == 5)})

    class InTurn(Foreign):
        def __init__(self) -> None:
            super().__init__()
            self.automatic_optimization = False
            self.momentum: list[bool] = []

        def configure_optimizers(self) -> Any:
            return [self.optimizer(self.body[index].parameters()) for index in (0, 4)]

        def on_before_optimizer_step(self, optimizer: Any) -> None:
            state = self.trainer.optimizers[1].state[self.body[4].weight]
            self.momentum.append(bool(state) and bool(state["momentum_buffer"].any()))

        def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
            optimizer = self.optimizers()[batch_idx % 2]
            optimizer.zero_grad()
            self.manual_backward(super().training_step(batch, batch_idx))
            optimizer.step()

    module = InTurn()
    fit(module, Sparsify(DropForAStep()))
    assert module.momentum == [False, False, True, True, False, False, True, True]
