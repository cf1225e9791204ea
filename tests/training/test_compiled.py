"""Networks that torch.compile compiles: once for all trainings of an experiment, to the same results."""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from torch import Tensor, nn, optim

from lth_lightning.experiments import IterativePruning, LightningRecipe, RearrangedMask, Reinitialised, Ticket
from lth_lightning.experiments.trainer import quiet_trainer
from lth_lightning.sparsity import SNIP, AtInit
from lth_lightning.training import GradientFlow, Seeds, Sparsify

pytestmark = pytest.mark.slow  # loads dynamo
Graphs = list[torch.fx.GraphModule]


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> Graphs:
    """What is compiled, as it is: nothing is made of it."""
    torch.compiler.reset()
    found: Graphs = []

    def backend(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable[..., Any]:
        found.append(graph)
        return graph.forward

    compile = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", lambda self: compile(self, backend=backend))
    return found


def recipe(root: Path, compile: bool = True, callbacks: Callable[[], Any] = tuple, **options: Any) -> LightningRecipe:
    def build(seeds: Seeds, init: int, width: float | None = None) -> Any:
        built = tiny.build(seeds, init, width, *callbacks(), **options)
        built.module.compile_net = compile
        return built

    return replace(tiny.recipe(root), build=build)


def test_an_experiment_compiles_its_network_once(graphs: Graphs, tmp_path: Path) -> None:
    counts: list[int] = []
    observed = replace(recipe(tmp_path), observers=[Counts(graphs, counts)])
    results = IterativePruning(rounds=3, controls=[Reinitialised(), RearrangedMask()]).run(observed, tmp_path)
    assert len(results) == len(counts) == 10
    assert counts[0] == counts[-1] > 0
    kept = [result.mask.density for result in results]
    assert min(kept) < 0.6, "masks of all kinds go through the same graph"


class Counts:
    """Notes how many graphs there are at the end of each training."""

    def __init__(self, graphs: Graphs, counts: list[int]) -> None:
        self.graphs, self.counts = graphs, counts

    def started(self, *args: Any) -> None: ...

    def epoch(self, row: Any) -> None: ...

    def noted(self, note: Any) -> None: ...

    def failed(self, *args: Any) -> None: ...

    def finished(self, row: Any, anew: bool) -> None:
        self.counts.append(len(self.graphs))


def test_results_are_those_of_a_network_that_is_not_compiled(graphs: Graphs, tmp_path: Path) -> None:
    def callbacks() -> list[Any]:
        return [GradientFlow("3it", 40), Sparsify(AtInit(0.5, SNIP()))]

    for name in ("plain", "compiled"):
        recipe(tmp_path / name, name == "compiled", callbacks).train(Ticket(own=True), tmp_path / name / "a")
    assert graphs
    plain, compiled = (tiny.contents(tmp_path / name) for name in ("plain", "compiled"))
    assert plain == compiled, "bit for bit, as nothing is made of the graphs"


def test_a_compiled_network_has_the_weights_names_of_the_plain_one_and_can_be_copied(
    graphs: Graphs, tmp_path: Path
) -> None:
    built = recipe(tmp_path).build(Seeds.of(0), 0)
    names = list(built.module.state_dict())
    quiet_trainer(built.trainer, tmp_path, [], 0).fit(built.module, datamodule=built.data)
    assert graphs
    assert list(built.module.state_dict()) == names
    images, _ = next(iter(built.data.val_dataloader()))
    net: Any = built.module.net.eval()
    assert torch.equal(deepcopy(net)(images), net(images))
    exported = torch.export.export(net, (images,)).module()
    torch.testing.assert_close(exported(images), net(images))


def test_what_the_compiler_makes_of_it_is_equal_up_to_rounding_and_its_time_is_noted(tmp_path: Path) -> None:
    torch.compiler.reset()
    sgd = {"net": lambda: tiny.LeNet300100(inputs=64), "optimizer": lambda weights: optim.SGD(weights, lr=0.1)}
    noted = {}
    for name in ("plain", "compiled", "again"):
        recipe(tmp_path / name, name != "plain", **sgd).train(Ticket(), tmp_path / name / "a")
        noted[name] = json.loads((tmp_path / name / "a" / "timing.json").read_text())
    for name in ("compiled", "again"):
        for key, weights in tiny.weights(tmp_path / "plain" / "a" / "last.ckpt").items():
            found = tiny.weights(tmp_path / name / "a" / "last.ckpt")[key]
            torch.testing.assert_close(found, weights, rtol=1e-4, atol=1e-5)
    assert 0 < noted["compiled"]["compile"] < noted["compiled"]["seconds"]
    assert "compile" not in noted["plain"]
    assert "compile" not in noted["again"], "it is compiled already"
