"""A recipe that trains nothing, so that what an experiment arranges can be seen in milliseconds."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lth_lightning.experiments import Experiment, Result, Ticket
from lth_lightning.sparsity import Batches, Mask, Sample, generator, prunable
from lth_lightning.training import Seeds, load

State = dict[str, Tensor]
NAMES = ["0.weight", "2.weight"]
SIZE = 80 + 60


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(8, 10), nn.ReLU(), nn.Linear(10, 6))


def drawn(stream: str) -> State:
    """A state that is a function of its name, without zeros."""
    return {
        name: torch.randn(value.shape, generator=generator(f"{stream}/{name}"))
        for name, value in network().state_dict().items()
    }


class FakeRecipe:
    """Its checkpoints say where they come from; a trained network is a random one under the ticket's mask."""

    def __init__(self, root: Path, seed: int = 0) -> None:
        self.root, self.seeds = root, Seeds.of(seed)
        self.results: list[Result] = []
        self.trained: list[tuple[Ticket, str]] = []
        self.data: dict[str, Any] = {}
        self.changes: dict[str, Any] = {}
        self.labels: dict[str, Any] = {}
        self.varieties: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
        self.seen: dict[str, dict[str, Any]] = {}
        self.drawn: list[tuple[Sample, dict[str, Any]]] = []

    def train(self, ticket: Ticket, folder: Path, keep: Sequence[str] = ()) -> Result:
        where = folder.relative_to(self.root).as_posix()
        if (folder / "result.pt").exists():
            return Result(folder, self.row(where))
        self.trained.append((ticket, where))
        self.varieties[where] = (self.changes, self.labels)
        self.seen[where] = self.data
        mask = ticket.mask or Mask.dense(prunable(network()))
        if ticket.policy is not None:
            mask = ticket.policy.start(network(), mask)
        for moment in keep:
            self.save(folder / f"kept-{moment}.ckpt", drawn(f"{self.seeds.init}/{where} at {moment}"), moment)
        state = drawn(f"{self.seeds.init}/{where} trained")
        mask.apply(state)
        self.save(folder / "last.ckpt", state, "end")
        torch.save({"row": {}, "mask": dict(mask)}, folder / "result.pt")
        return Result(folder, self.row(where))

    def row(self, where: str) -> dict[str, Any]:
        """Three epochs of four steps."""
        return {"where": where, "epochs": 3, "steps": 12}

    def save(self, path: Path, state: State, moment: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        optimizer = {"state": {0: {"momentum_buffer": torch.ones(3)}}, "param_groups": [{"lr": 0.1}]}
        torch.save({"state_dict": state, "loops": {"moment": moment}, "optimizer_states": [optimizer]}, path)

    def net(self, checkpoint: Path) -> nn.Module:
        net = network()
        net.load_state_dict(load(checkpoint)["state_dict"])
        return net

    def draw(self, sample: Sample) -> Batches:
        """Batches that are a function of the data's corruption."""
        self.drawn.append((sample, self.data))
        draws = generator(f"batch {self.data}")
        return [(torch.randn(12, 8, generator=draws), torch.arange(12) % 6)]

    def width(self, fewer: int) -> float:
        return 1 - fewer / (2 * SIZE)

    def on(self, data: Mapping[str, Any]) -> "FakeRecipe":
        other = copy(self)  # which shares the lists
        other.data = {**self.data, **data}
        return other

    def varied(self, changes: Mapping[str, Any], labels: Mapping[str, Any]) -> "FakeRecipe":
        other = copy(self)  # which shares the lists
        other.changes, other.labels = {**self.changes, **changes}, {**self.labels, **labels}
        return other

    @contextmanager
    def within(self, folder: Path) -> Iterator["FakeRecipe"]:
        yield self

    def tickets(self, arm: str) -> list[Ticket]:
        return [ticket for ticket, _ in self.trained if ticket.arm == arm]


def run(experiment: Experiment, root: Path, seed: int = 0) -> FakeRecipe:
    recipe = FakeRecipe(root, seed)
    recipe.results = experiment.run(recipe, root)
    return recipe


def trained(root: Path, where: str) -> State:
    """The weights that a training left."""
    state: State = load(root / where / "last.ckpt")["state_dict"]
    return state


def masked(state: State, mask: Mask) -> State:
    return {name: value * mask[name] if name in mask else value for name, value in state.items()}


def equal(one: State, other: State) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
