"""What a row says that its training would cost, counted by hand."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from torch import nn

from lth_lightning.experiments import Ticket
from lth_lightning.sparsity import AtInit, Mask, Now, Policy, Random, RigL, Sample, prunable, prune
from lth_lightning.sparsity.sample import Draw, nothing
from lth_lightning.training import Sparsify, write_start

DENSE = 2 * (64 * 16 + 16 * 10)  # operations of a forward pass of one image


class Shrinking(Policy):
    """Halves the mask after every second step."""

    def start(self, net: nn.Module, weights: Mask, draw: Draw = nothing) -> Mask:
        return weights

    def update(self, net: nn.Module, mask: Mask, now: Now) -> Mask:
        step = now.step
        return prune(Random(step)(net, mask), 0.5 ** (step // 2), within=mask) if step % 2 == 0 and step else mask


@pytest.mark.parametrize("options", [{}, {"accumulate_grad_batches": 3}, {"limit_train_batches": 2}, {"max_epochs": 1}])
def test_a_row_has_the_operations_of_all_images_that_were_trained_on(tmp_path: Path, options: dict[str, Any]) -> None:
    made = tiny.recipe(tmp_path, **options)
    built = made.build(made.seeds, 0)
    images = 64 if "limit_train_batches" in options else built.data.num_train
    mask = prune(Random(0)(built.module, Mask.dense(prunable(built.module))), 0.3)
    kept = {name: counts[0] for name, counts in mask.layers().items()}
    row = made.train(Ticket("ticket", mask=mask, density=0.3), tmp_path / "ticket").row
    assert row["flops_inference"] == 2 * sum(kept.values())
    assert row["flops_inference_dense"] == DENSE
    epochs = options.get("max_epochs", 3)
    assert row["flops_training"] == pytest.approx(3 * epochs * images * 2 * sum(kept.values()))
    assert row["flops_training_dense"] == pytest.approx(3 * epochs * images * DENSE)


def test_a_rewound_training_counts_from_where_it_starts(tmp_path: Path) -> None:
    made = tiny.recipe(tmp_path)
    dense = made.train(Ticket(), tmp_path / "dense", keep=["5it"])
    start = write_start(tmp_path / "start.ckpt", dense.kept("5it"), dense.kept("5it"))
    again = made.train(Ticket(start=start), tmp_path / "again")
    assert again.row["flops_training"] == again.row["flops_training_dense"]
    assert again.row["flops_training"] / dense.row["flops_training"] == pytest.approx((12 - 5) / 12)


def test_a_moving_mask_counts_at_each_step_as_it_is_also_after_an_interruption(tmp_path: Path) -> None:
    rows = []
    for name, killed in (("whole", []), ("cut", [tiny.Crash("on_train_batch_start", 8)])):
        callbacks = partial(lambda killed: [Sparsify(Shrinking()), *killed], killed)
        made = tiny.recipe(tmp_path / name, save_seconds=0, callbacks=callbacks)
        for _ in killed:
            with pytest.raises(SystemError):
                made.train(Ticket(own=True), tmp_path / name / "one")
        rows.append(made.train(Ticket(own=True), tmp_path / name / "one").row)
    whole, cut = rows
    assert {key: value for key, value in cut.items() if "flops" in key} == {
        key: value for key, value in whole.items() if "flops" in key
    }
    torch.testing.assert_close(whole["flops_inference"] / DENSE, 0.5 ** (10 // 2), atol=0.02, rtol=0)
    share = whole["flops_training"] / whole["flops_training_dense"]
    assert share == pytest.approx(sum(2 * 0.5**number for number in range(6)) / 12, abs=0.03)


def test_a_policy_that_asks_for_dense_gradients_is_charged_for_them(tmp_path: Path) -> None:
    class Asking(AtInit):
        def update(self, net: nn.Module, mask: Mask, now: Now) -> Mask:
            sparsify.dense_gradients += 1
            return mask

    sparsify = Sparsify(Asking(0.25, Random()))
    row = tiny.recipe(tmp_path, callbacks=lambda: [sparsify]).train(Ticket(own=True), tmp_path / "one").row
    images, sparse = row["flops_training_dense"] / (3 * DENSE), row["flops_inference"]
    assert row["flops_training"] == pytest.approx(images * (2 * sparse + DENSE)), "at every step"


def test_gradients_on_images_of_their_own_cost_a_pass_of_these_too(tmp_path: Path) -> None:
    sample = Sample(per_class=None, batches=2)  # 64 images
    policy = RigL(AtInit(0.25, Random()), every="4it", end="8it", variant="after_step", sample=sample)
    row = tiny.recipe(tmp_path, callbacks=lambda: [Sparsify(policy)]).train(Ticket(own=True), tmp_path / "one").row
    images, sparse = row["flops_training_dense"] / (3 * DENSE), row["flops_inference"]
    looks = 1  # at step 4; at step 8 the cosine has fallen to zero, and nothing is exchanged
    assert row["flops_training"] == pytest.approx(images * 3 * sparse + looks * 64 * (2 * sparse + DENSE), rel=1e-3)
