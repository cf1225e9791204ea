"""Rewinding is resuming: a dense ticket repeats the dense run from any moment, a pruned one starts at theta_k * m."""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, optim

from lth_lightning.experiments import IterativePruning, Result, Rewind, Ticket
from lth_lightning.sparsity import Mask
from lth_lightning.training import Cosine, load, write_start

STEPS = {"0it": 0, "1it": 1, "3it": 3, "4it": 4, "1ep": 4, "5it": 5, "2ep": 8, "9it": 9, "11it": 11}
KINDS: dict[str, tuple[dict[str, Any], Sequence[str]]] = {
    "momentum": ({}, ["0it", "1it", "4it", "5it", "2ep", "11it"]),
    "adam": (
        {"optimizer": partial(optim.AdamW, lr=0.01, amsgrad=True), "schedule": Cosine(warmup="1ep")},
        ["3it", "1ep"],
    ),
    "schedule of torch": ({"schedule": partial(optim.lr_scheduler.ExponentialLR, gamma=0.3)}, ["3it", "2ep"]),
    "accumulation": ({"accumulate_grad_batches": 2}, ["1it", "1ep", "3it"]),
    "max_steps": ({"max_epochs": -1, "max_steps": 10}, ["3it", "2ep", "9it"]),
}


class Seen:
    """What one training did, as its steps and forwards saw it."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer  # kept alive, so that another one cannot have its identity
        self.folder = Path(trainer.default_root_dir)
        self.begun_at = trainer.global_step
        self.optimizer_state = [dict(optimizer.state) for optimizer in trainer.optimizers]
        self.first: dict[str, Tensor] = {}
        self.batches: list[str] = []
        self.rates: list[float] = []


class Watch(Callback):
    """Records every training."""

    def __init__(self, seen: list[Seen]) -> None:
        self.seen = seen

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.now = Seen(trainer)
        self.seen.append(self.now)
        pl_module.net.register_forward_pre_hook(lambda *_: self._before_forward(pl_module))

    def _before_forward(self, module: LightningModule) -> None:
        if not self.now.first:
            self.now.first = {name: value.clone() for name, value in module.state_dict().items()}

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self.now.batches.append(sha256(b"".join(part.numpy().tobytes() for part in batch)).hexdigest())
        self.now.rates.append(trainer.optimizers[0].param_groups[0]["lr"])


class KeepsHashes:
    """After every training, the hash of every kept checkpoint."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.hashes: list[dict[str, str]] = []

    def started(self, ticket: Ticket, name: str, epochs: int) -> None: ...

    def epoch(self, row: dict[str, Any]) -> None: ...

    def noted(self, note: Any) -> None: ...

    def finished(self, row: dict[str, Any], anew: bool) -> None:
        kept = sorted(self.root.rglob("kept-*.ckpt"))
        self.hashes.append({path.name: sha256(path.read_bytes()).hexdigest() for path in kept})


class Rounds:
    """Iterative pruning over two rounds, watched."""

    def __init__(self, root: Path, rewind: Rewind, **options: Any) -> None:
        self.rewind = rewind
        self.seen: list[Seen] = []
        observer = KeepsHashes(root)
        recipe = tiny.recipe(root, callbacks=lambda: [Watch(self.seen)], observers=[observer], **options)
        self.results = IterativePruning(rounds=2, keep=0.5, rewind=rewind).run(recipe, root)
        self.hashes = observer.hashes

    @property
    def rounds(self) -> Iterator[tuple[Seen, Result, Result]]:
        """For every pruned round: what was seen, its result, and that of the round before."""
        return zip(self.seen[1:], self.results[1:], self.results, strict=False)

    @property
    def dense(self) -> Result:
        return self.results[0]


def curve(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (result.folder / "metrics.jsonl").read_text().splitlines()]


def masked(state: dict[str, Tensor], mask: Mask) -> dict[str, Tensor]:
    return {name: value * mask[name] if name in mask else value for name, value in state.items()}


@pytest.fixture(scope="module")
def dense(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Result:
    options, moments = KINDS[request.param]
    root = tmp_path_factory.mktemp("dense")
    return tiny.recipe(root, **options).train(Ticket(), root / "dense", keep=moments)


@pytest.mark.parametrize(
    ("dense", "kind", "moment"),
    [(kind, kind, moment) for kind, (_, moments) in KINDS.items() for moment in moments],
    indirect=["dense"],
    ids=lambda value: value,
)
def test_a_dense_rewind_with_kept_optimizer_state_is_the_dense_run_bit_for_bit(
    dense: Result, kind: str, moment: str, tmp_path: Path
) -> None:
    kept = dense.kept(moment)
    assert kind == "accumulation" or load(kept)["global_step"] == STEPS[moment]
    assert not tiny.same(tiny.weights(kept), tiny.weights(dense.trained))
    start = write_start(tmp_path / "again" / "start.ckpt", kept, kept, optimizer="kept")
    again = tiny.recipe(tmp_path, **KINDS[kind][0]).train(Ticket(start=start), tmp_path / "again")
    whole, rewound = load(dense.trained), load(again.trained)
    for part in ("state_dict", "optimizer_states", "lr_schedulers", "loops", "epoch", "global_step"):
        assert tiny.plain(rewound[part]) == tiny.plain(whole[part]), part
    assert again.row["test_loss"] == dense.row["test_loss"]
    rows, all_rows = curve(again), curve(dense)
    assert rows[1:] == all_rows[len(all_rows) - len(rows) + 1 :]
    of_training = ("train_loss", "train_accuracy")
    midway = moment.endswith("it") and moment not in ("0it", "4it")
    assert (rows[0]["train_loss"] != all_rows[-len(rows)]["train_loss"]) == midway, "a mean over what was left of it"
    assert {**rows[0], **dict.fromkeys(of_training)} == {**all_rows[-len(rows)], **dict.fromkeys(of_training)}


@pytest.mark.parametrize("dense", ["momentum"], indirect=True)
def test_the_optimizer_state_is_what_makes_it_the_same_run(dense: Result, tmp_path: Path) -> None:
    kept = dense.kept("5it")
    start = write_start(tmp_path / "again" / "start.ckpt", kept, kept, optimizer="fresh")
    again = tiny.recipe(tmp_path).train(Ticket(start=start), tmp_path / "again")
    assert again.row["steps"] == dense.row["steps"]
    assert not tiny.same(tiny.weights(again.trained), tiny.weights(dense.trained))


@pytest.fixture(scope="module", params=["0it", "5it", "1ep"])
def rewound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Rounds:
    return Rounds(tmp_path_factory.mktemp("rewound"), Rewind(to=request.param))


def test_a_round_starts_at_exactly_theta_k_times_its_mask(rewound: Rounds) -> None:
    theta = tiny.weights(rewound.dense.kept(rewound.rewind.to))
    assert [result.row["density"] for result in rewound.results] == [1.0, 0.5, 0.25]
    for seen, result, _ in rewound.rounds:
        assert tiny.same(tiny.weights(result.folder / "start.ckpt"), masked(theta, result.mask))
        assert tiny.same(seen.first, masked(theta, result.mask)), "of the first forward"
        for name, kept in result.mask.items():
            assert torch.equal(seen.first[name][kept], theta[name][kept])
            assert seen.first[name][~kept].count_nonzero() == 0


def test_no_round_changes_the_checkpoint_that_it_rewinds_to(rewound: Rounds) -> None:
    assert len(rewound.hashes) == 3
    assert list(rewound.hashes[0]) == [f"kept-{rewound.rewind.to}.ckpt"]
    assert rewound.hashes[0] == rewound.hashes[1] == rewound.hashes[2]


def test_a_round_trains_the_steps_that_are_left_with_the_dense_schedule_and_batches(rewound: Rounds) -> None:
    first, step = rewound.seen[0], STEPS[rewound.rewind.to]
    assert (first.begun_at, len(first.batches), len(set(first.batches))) == (0, 12, 12)
    for seen, result, _ in rewound.rounds:
        assert seen.begun_at == step
        assert seen.batches == first.batches[step:]
        assert seen.rates == first.rates[step:]
        rows, of_dense = curve(result), curve(rewound.dense)
        assert rows[-1]["step"] - seen.begun_at == 12 - step
        assert [(row["epoch"], row["step"], row["lr"]) for row in rows] == [
            (row["epoch"], row["step"], row["lr"]) for row in of_dense if row["step"] > step
        ]


def test_a_fresh_optimizer_has_no_state_when_a_round_begins(rewound: Rounds) -> None:
    for seen, result, _ in rewound.rounds:
        assert seen.optimizer_state == [{}]
        assert load(result.folder / "start.ckpt")["optimizer_states"][0]["state"] == {}
    assert rewound.rewind.to == "0it" or load(rewound.dense.kept(rewound.rewind.to))["optimizer_states"][0]["state"]


def test_a_kept_optimizer_begins_a_round_with_the_momentum_of_the_moment_under_the_mask(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path, Rewind(to="5it", optimizer="kept"))
    kept = load(rounds.dense.kept("5it"))["optimizer_states"]
    for seen, result, _ in rounds.rounds:
        assert tiny.plain(load(result.folder / "start.ckpt")["optimizer_states"]) == tiny.plain(kept)
        assert len(seen.optimizer_state[0]) == len(kept[0]["state"]) > 0


def test_every_round_is_a_trainer_of_its_own_and_ends_with_training(rewound: Rounds) -> None:
    assert len({id(seen.trainer) for seen in rewound.seen}) == 3
    for seen, result, _ in rewound.rounds:
        assert seen.folder == result.folder
        assert seen.trainer.global_step == 12
        trained = tiny.weights(result.trained)
        assert tiny.same(trained, masked(trained, result.mask))
        for name, kept in result.mask.items():
            assert (trained[name][kept] != seen.first[name][kept]).float().mean() > 0.9, "learned"


def test_start_mask_and_trained_network_are_files_of_their_own(rewound: Rounds) -> None:
    for seen, result, before in rewound.rounds:
        assert {path.name for path in result.folder.iterdir()} >= {"start.ckpt", "last.ckpt", "result.pt"}
        assert result.trained == result.folder / "last.ckpt"
        assert load(result.folder / "start.ckpt")["global_step"] == seen.begun_at
        assert load(result.trained)["global_step"] == 12
        assert torch.load(result.folder / "result.pt", weights_only=True).keys() == {"row", "mask"}
        assert result.mask.within(before.mask)


def test_learning_rate_rewinding_starts_at_step_0_with_the_trained_weights_under_the_mask(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path, Rewind(weights="trained", to="0it"))
    first = rounds.seen[0]
    for seen, result, before in rounds.rounds:
        trained = tiny.weights(before.trained)
        assert tiny.same(seen.first, masked(trained, result.mask))
        assert not tiny.same(seen.first, first.first)
        assert seen.begun_at == 0
        assert (seen.batches, seen.rates) == (first.batches, first.rates)
        assert seen.optimizer_state == [{}]
        assert [row["lr"] for row in curve(result)] == [row["lr"] for row in curve(rounds.dense)]


@pytest.mark.parametrize("schedule", [tiny.SCHEDULE, Cosine(warmup="2it")], ids=repr)
def test_fine_tuning_goes_on_beyond_the_end_at_the_last_learning_rate(schedule: Any, tmp_path: Path) -> None:
    rounds = Rounds(tmp_path, Rewind(weights="trained", to="end", more="2ep"), schedule=schedule)
    first = rounds.seen[0]
    assert first.rates[-1] > 0
    for seen, result, before in rounds.rounds:
        assert tiny.same(seen.first, masked(tiny.weights(before.trained), result.mask))
        assert seen.begun_at == 12
        assert seen.rates == [first.rates[-1]] * 8
        assert not set(seen.batches) & set(first.batches), "the epochs after the last have their own order"
        assert [(row["epoch"], row["step"]) for row in curve(result)] == [(4, 16), (5, 20)]
        assert {row["lr"] for row in curve(result)} == {first.rates[-1]}


def test_fine_tuning_that_is_killed_goes_on_at_the_last_learning_rate(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    options: dict[str, Any] = {"schedule": Cosine(), "save_seconds": 0}
    experiment = IterativePruning(rounds=1, keep=0.5, rewind=Rewind(weights="trained", to="end", more="2ep"))
    experiment.run(tiny.recipe(whole, **options), whole)
    for nth in (3, 5):
        cut, crash, seen = tmp_path / f"cut-{nth}", tiny.Crash("on_train_batch_end", 12 + nth), list[Seen]()
        with pytest.raises(SystemError, match="killed"):
            experiment.run(tiny.recipe(cut, callbacks=lambda crash=crash: [crash], **options), cut)
        experiment.run(tiny.recipe(cut, callbacks=lambda seen=seen: [Watch(seen)], **options), cut)
        assert [one.begun_at for one in seen] == [12 + nth - 1]
        assert tiny.contents(cut) == tiny.contents(whole)


def test_a_moment_that_training_does_not_reach_is_refused_before_any_step(tmp_path: Path) -> None:
    seen: list[Seen] = []
    recipe = tiny.recipe(tmp_path, callbacks=lambda: [Watch(seen)])
    with pytest.raises(ValueError, match=r"training ends after 12 steps, before 13it \(step 13\): choose an earlier"):
        IterativePruning(rewind=Rewind(to="13it")).run(recipe, tmp_path)
    assert [one.batches for one in seen] == [[]]
    assert not (tmp_path / "results.jsonl").exists()
