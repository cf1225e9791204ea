"""The analysis of rates: its discrepancies are those of the pruned network itself, its laws those of its points."""

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typed import SMALL, lth

from lth_lightning.analyses import Rate
from lth_lightning.beginnings import made_by
from lth_lightning.models import LeNet300100
from lth_lightning.training import Seeds
from lth_lightning.training.sampling import first_images

Capture = pytest.CaptureFixture[str]
WAYS = ["greedy_local", "greedy_local_steps", "greedy_global", "fixed_steps", "forward_selection", "l1", "random"]
HOW = "{layers: [net.hidden2], images: 48, images_global: 16, most_global: 6, draws: 2, places: 7}"
ASKED = f"[{{class_path: Rate, init_args: {HOW}}}]"
WIDTH = 20  # neurons of the layer


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds dense networks of two seeds, `run`, and this analysis of them."""
    place = tmp_path_factory.mktemp("rate")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["lth"])
        patch.chdir(place)
        from lth_lightning.cli import main

        line = SMALL.replace("--config imp", "--config dense").partition(" --experiment")[0]
        assert main([*line.split(), "--model.net.width", "0.2", "--seeds", "[0,1]"]) == 0
        assert main(["analyze", "run", "--analyses", ASKED]) == 0
    return place


@pytest.fixture(autouse=True)
def there(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are typed beside the experiment."""
    monkeypatch.setattr(sys, "argv", ["lth"])
    monkeypatch.chdir(trained)


def written(seed: int | None = None, laws: bool = False) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in Path("run/analyses/rate.jsonl").read_text().splitlines()]
    return [row for row in rows if seed in (None, row["seed"]) and ("of" in row) == laws]


def network(seed: int) -> LeNet300100:
    net = LeNet300100(inputs=64, width=0.2)
    state = torch.load(f"run/seed-{seed}/round-00/last.ckpt", weights_only=True)["state_dict"]
    net.load_state_dict({name.removeprefix("net."): value for name, value in state.items()})
    return net.eval()


def images(seed: int) -> torch.Tensor:
    arguments, _ = made_by(Path("run"))
    data = arguments.build(Seeds.of(seed), Seeds.of(seed).init).data
    return torch.cat([batch for batch, _ in first_images(data, 48)])  # type: ignore[arg-type]


@torch.no_grad()
def thinned(net: LeNet300100, x: torch.Tensor, coefficients: torch.Tensor) -> tuple[float, float]:
    """Discrepancies of the layer and the output as they are defined, with the neurons scaled by N a_i one by one.

    The head's output is the network's, so that they differ by the mean square only, which the head's bias is part of.
    """
    hidden = net.act2(net.hidden2(net.act1(net.hidden1(net.flatten(x))))).double()
    head = net.head.weight.double()
    whole, small = hidden @ head.T, (hidden * len(coefficients) * coefficients) @ head.T
    apart = float((whole - small).square().sum(1).mean())
    return apart / float(whole.square().sum(1).mean()), apart / float(net(x).double().square().sum(1).mean())


def test_every_way_has_a_row_for_each_number_that_it_reaches() -> None:
    for seed in (0, 1):
        own = written(seed)
        assert list(dict.fromkeys(row["way"] for row in own)) == WAYS
        for way in WAYS:
            numbers = [row["number"] for row in own if row["way"] == way]
            assert numbers == sorted({*numbers})
            assert numbers[0] == 1
            assert numbers[-1] == WIDTH or (way in ("greedy_global", "forward_selection") and numbers[-1] <= 6)
        assert {(row["layer"], row["count"]) for row in own} == {("net.hidden2", WIDTH)}
        assert all(row["neurons"] <= row["number"] for row in own)


@pytest.mark.parametrize("seed", [0, 1])
def test_neurons_by_norm_have_the_discrepancies_of_the_network_without_the_others(seed: int) -> None:
    net, x = network(seed), images(seed)
    norms = net.hidden2.weight.detach().abs().sum(1)
    order = norms.argsort(descending=True)
    for row in written(seed):
        if row["way"] == "l1":
            coefficients = torch.zeros(WIDTH, dtype=torch.float64)
            coefficients[order[: row["number"]]] = 1 / row["number"]
            local, output = thinned(net, x, coefficients)
            assert row["local"] == pytest.approx(local, rel=1e-4, abs=1e-9)
            assert row["output"] == pytest.approx(output, rel=1e-4, abs=1e-9)


@pytest.mark.parametrize("seed", [0, 1])
def test_greedy_ways_are_no_worse_than_the_best_single_neuron_and_better_than_chance(seed: int) -> None:
    net, x = network(seed), images(seed)
    singles = [thinned(net, x, unit)[0] for unit in torch.eye(WIDTH, dtype=torch.float64)]
    at = {(row["way"], row["number"]): row for row in written(seed)}
    for way in ("greedy_local", "greedy_local_steps", "fixed_steps"):
        assert at[way, 1]["local"] == pytest.approx(min(singles), rel=1e-4)
    for (way, number), row in at.items():
        if way == "greedy_local_steps":
            assert at["greedy_local", number]["local"] <= row["local"] * 1.001
            assert row["steps"] == number
        if way == "greedy_local" and number < WIDTH:
            assert row["local"] < at["random", number]["local"]


def test_laws_are_those_of_the_points_up_to_half_of_the_neurons() -> None:
    laws = written(laws=True)
    assert {(row["way"], row["of"]) for row in laws} >= {(way, of) for way in WAYS[3:] for of in ("local", "output")}
    for law in laws:
        own = [row for row in written(law["seed"]) if row["way"] == law["way"] and row["number"] <= WIDTH / 2]
        logs = [math.log(row[law["of"]]) for row in own]
        numbers = np.array([row["number"] for row in own], dtype=float)
        assert law["points"] == len(own)
        assert -law["rate"] == pytest.approx(np.polyfit(numbers, logs, 1)[0])
        assert -law["power"] == pytest.approx(np.polyfit(np.log(numbers), logs, 1)[0])


def test_typed_again_it_writes_the_same_and_says_the_laws(capsys: Capture) -> None:
    before = Path("run/analyses/rate.jsonl").read_bytes()
    said = lth(f"analyze run --analyses '{ASKED}'", capsys)
    assert (said.code, said.err) == (0, "")
    assert Path("run/analyses/rate.jsonl").read_bytes() == before
    assert "in net.hidden2 with 20 neurons by greedy local " in said.out
    assert ", random " in said.out
    axis, curves = Rate().curves(written())
    assert axis == "neurons"
    assert len(curves) == 2 * 2 * len(WAYS)
    first = next(row for row in written(1) if row["way"] == "l1")
    assert curves["discrepancy_local/seed 1 net.hidden2 l1"][0] == (1, first["local"])


def test_the_widest_layer_is_looked_at_by_default_and_a_wrong_one_is_said(capsys: Capture) -> None:
    rate = Rate()
    net = network(0)
    assert [group.producer for group in rate._chosen(net, (1, 8, 8))] == ["hidden1"]
    wrong = ASKED.replace("net.hidden2", "net.head")
    said = lth(f"analyze run --analyses '{wrong}'", capsys)
    assert said.code != 0
    assert "layers has net.head, of which no neurons can be taken out: net.hidden1, net.hidden2 can" in said.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"images": 0}, "images is 0: give 1 or more"),
        ({"draws": 0}, "draws is 0"),
        ({"most_global": 0}, "most_global is 0"),
        ({"up_to": 0.0}, r"in \(0, 1\]"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Rate(**arguments)
    assert Rate().tried().images <= 32
