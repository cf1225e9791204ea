"""The analysis of signals: its networks, its masks, its file."""

import json
import math
import sys
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from matplotlib.colors import to_hex
from torch import nn
from typed import SMALL, lth

from lth_lightning.analyses import Lineage, SignalPropagation
from lth_lightning.analysis import logit_deviation
from lth_lightning.experiments import Built
from lth_lightning.models import Conv
from lth_lightning.report.drawing import WIDE
from lth_lightning.report.signals import signals_figure
from lth_lightning.sparsity import LayerScaled, Mask, SparseFanIn, generator, mix, prunable
from lth_lightning.training import Seeds


def built(init: int | None = None) -> Built:
    return tiny.build(Seeds.of(0), 5 if init is None else init, net=partial(Conv, 2, channels=1, size=8, width=0.1))


@pytest.fixture
def lineage() -> Lineage:
    names = [name for name in prunable(built().module) if "head" not in name]
    mask = Mask.dense({name: built().module.get_parameter(name) for name in names})
    return Lineage({"seed": 5}, [Mock(mask=mask)], built)


def test_there_is_a_row_for_every_density_initialisation_and_repeat(lineage: Lineage) -> None:
    analysis = SignalPropagation(densities=(1.0, 0.2), repeats=2, images=50, initialise=[LayerScaled(), SparseFanIn()])
    rows = analysis.rows(lineage)
    assert rows == analysis.rows(lineage)
    told = [(row["repeat"], row["density"], row["initialisation"]) for row in rows]
    names = ("own", "layer_scaled", "sparse_fan_in")
    assert told == [(repeat, density, name) for repeat in (0, 1) for density in (1.0, 0.2) for name in names]
    found = dict(zip(told, (row["deviation"] for row in rows), strict=True))
    assert len(set(found.values())) == 12 - 2, "of a dense network own and layer-scaled weights are the same"
    assert found[0, 1.0, "own"] == found[0, 1.0, "layer_scaled"] != found[1, 1.0, "own"]
    draws = generator("signal", mix("signal", 5, 0))
    assert found[0, 1.0, "own"] == logit_deviation(built().module, (1, 8, 8), draws, 50), "as it was trained"
    assert found[0, 0.2, "own"] < found[0, 0.2, "layer_scaled"]
    assert analysis.sentence(rows).count(" and ") == 4
    axis, curves = analysis.curves(rows)
    assert axis == "density"
    mean = (found[0, 0.2, "own"] + found[1, 0.2, "own"]) / 2
    assert curves["logit_deviation/seed 5 own"][0] == (0.2, pytest.approx(mean))


@pytest.mark.parametrize("fan_in", ["even", "uneven"])
def test_masks_have_the_density_in_every_layer_and_uneven_ones_keep_more_of_later_units(fan_in: str) -> None:
    net = nn.Sequential(nn.Conv2d(8, 20, 5), nn.Linear(200, 20))
    weights = Mask.dense(prunable(net))
    made = SignalPropagation(fan_in=fan_in)  # type: ignore[arg-type]
    sparse, denser = (made.mask(net, weights, density, 3) for density in (0.1, 0.4))
    assert sparse.within(denser)
    assert sparse != made.mask(net, weights, 0.1, 4)
    for kept, size in denser.layers().values():
        assert abs(kept - 0.4 * size) < 1
    for kept in denser.values():
        share = kept.flatten(1).double().mean(1)
        if fan_in == "even":
            assert float((share - 0.4).abs().max()) < 5 * math.sqrt(0.24 / 200)
            continue
        # unit i keeps what is above t of U[0, i]: a share of 1 - t / i, where these sum to the density
        low, high = 0.0, 20.0
        for _ in range(60):
            t = (low + high) / 2
            kept_share = sum(max(0.0, 1 - t / i) for i in range(1, 21)) / 20
            low, high = (t, high) if kept_share > 0.4 else (low, t)
        expected = torch.tensor([max(0.0, 1 - t / i) for i in range(1, 21)]).double()
        assert float((share - expected).abs().max()) < 5 * math.sqrt(0.25 / 200)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"densities": (0.5, 0.0)}, r"in \(0, 1\], not 0\.0"),
        ({"densities": ()}, "give at least one density"),
        ({"repeats": 0}, "with 0 repeats"),
        ({"images": 1}, "of 1 images"),
        ({"fan_in": "odd"}, "'even' or 'uneven', not 'odd'"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        SignalPropagation(**arguments)


def test_it_is_asked_for_by_name_and_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["lth"])
    monkeypatch.chdir(tmp_path)
    how = "{class_path: SignalPropagation, init_args: {repeats: 1, initialise: [SparseFanIn]}}"
    line = SMALL.replace("[RearrangedMask]", "[]") + f" --experiment.rounds 1 --analyses '[{how}]'"
    said = lth(line, capsys)
    assert (said.code, said.err) == (0, "")
    assert "noise leaves logits with the standard deviation, at densities 1 and 0.02" in said.out
    file = Path("run/analyses/signal_propagation.jsonl")
    rows = [json.loads(row) for row in file.read_text().splitlines()]
    assert [row["initialise"] for row in rows] == [["SparseFanIn(scale=2.0)"]] * 14
    made = file.stat().st_mtime_ns
    assert "noise leaves" not in lth(line, capsys).out
    assert file.stat().st_mtime_ns == made, "nothing new was asked for"
    assert "noise leaves" in lth(line.replace("SparseFanIn", "LayerScaled"), capsys).out


def test_the_figure_has_a_line_of_geometric_means_for_each_initialisation_and_marks_dead_networks() -> None:
    values = {("own", 0.5): [1.0, 4.0], ("own", 0.1): [0.0, 0.01], ("sparse_fan_in", 0.5): [1.0, 1.0]}
    rows = [
        {"initialisation": name, "density": density, "deviation": value}
        for (name, density), own in values.items()
        for value in own
    ]
    (axes,) = signals_figure(pd.DataFrame(rows), WIDE).axes
    lines = {container.get_label(): container.lines[0] for container in axes.containers}
    assert list(lines) == ["the network's own", "sparse fan in"]
    assert sorted(np.asarray(lines["the network's own"].get_ydata())) == pytest.approx([0.01, 2.0])
    hollow = [line for line in axes.lines if to_hex(line.get_markerfacecolor()) == "#ffffff" and len(line.get_xdata())]
    assert [list(line.get_ydata()) for line in hollow] == [[pytest.approx(0.01)]]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
