"""The analysis of latency: the forms of networks, its rows, and its way into the report."""

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import tiny
import torch
from torch import nn
from typed import SMALL, lth

from lth_lightning.analyses import Latency, Lineage
from lth_lightning.analyses.forms import Deployable
from lth_lightning.experiments import Built
from lth_lightning.models import Conv, LeNet5
from lth_lightning.report import read
from lth_lightning.sparsity import Mask, Random, prunable, prune
from lth_lightning.sparsity.neurons import groups, thinned
from lth_lightning.training import Seeds

SHAPE = (1, 28, 28)


def lenet(mask: Callable[[nn.Module, Mask], Mask]) -> tuple[nn.Module, Mask]:
    """A LeNet-5 with random biases, under a mask."""
    torch.manual_seed(0)
    net = LeNet5().eval()
    made = mask(net, Mask.dense(prunable(net)))
    made.apply(prunable(net))
    for bias in (value for name, value in net.named_parameters() if name.endswith("bias")):
        nn.init.normal_(bias.data)
    return net, made


def unstructured(net: nn.Module, dense: Mask) -> Mask:
    return prune(Random(0)(net, dense), 0.3, within=dense)


def structured(net: nn.Module, dense: Mask) -> Mask:
    return thinned(dense, groups(net, SHAPE)[0], {"conv1": [0, 3], "conv2": range(5), "hidden1": [7], "hidden2": [1]})


def both(net: nn.Module, dense: Mask) -> Mask:
    whole = structured(net, dense)
    return prune(Random(0)(net, dense), 0.005, within=whole)


def test_of_an_unstructured_mask_there_is_a_sparse_kernel_that_holds_and_does_what_is_kept() -> None:
    net, mask = lenet(unstructured)
    masked, csr = Deployable(net, mask, SHAPE).forms(["masked", "slim", "csr"])
    every, biases = sum(each.numel() for each in net.parameters()), 6 + 16 + 120 + 84 + 10
    assert (masked.name, masked.parameters, masked.net) == ("masked", every, net)
    assert (csr.name, csr.parameters) == ("csr", mask.kept + biases)
    positions = {"conv1": 24 * 24, "conv2": 8 * 8}
    operations = {name: 2 * positions.get(name.partition(".")[0], 1) for name in mask}
    assert masked.flops == sum(operations[name] * kept.numel() for name, kept in mask.items())
    assert csr.flops == sum(operations[name] * int(kept.sum()) for name, kept in mask.items())
    assert Deployable(net, mask, SHAPE).promised == csr.flops / masked.flops
    assert same(net, csr.net)


def test_of_whole_channels_there_is_a_slim_network_and_no_sparse_kernel() -> None:
    net, mask = lenet(structured)
    masked, slim = Deployable(net, mask, SHAPE).forms(["masked", "slim", "csr"])
    assert (masked.name, slim.name) == ("masked", "slim")
    assert slim.parameters == mask.kept + (2 + 5 + 1 + 1 + 10)
    assert slim.flops == 2 * (2 * 25 * 24 * 24 + 2 * 5 * 25 * 64 + 5 * 16 + 1 + 10)
    assert Deployable(net, mask, SHAPE).promised == slim.flops / masked.flops
    assert same(net, slim.net)


def test_of_a_mask_of_both_kinds_there_are_all_forms_and_what_was_not_asked_for_is_not_made() -> None:
    net, mask = lenet(both)
    deployable = Deployable(net, mask, SHAPE)
    assert [form.name for form in deployable.forms(["masked", "slim", "csr"])] == ["masked", "slim", "csr"]
    assert all(same(net, form.net) for form in deployable.forms(["slim", "csr"]))
    assert [form.name for form in deployable.forms(["csr"])] == ["csr"]
    assert [form.name for form in deployable.forms(["slim"])] == ["slim"]


def test_weights_that_are_kept_of_channels_that_nothing_reads_are_no_reason_to_take_the_rest_for_whole() -> None:
    def unread(net: nn.Module, dense: Mask) -> Mask:
        kept = {name: torch.ones_like(each) for name, each in dense.items()}
        kept["hidden2.weight"][:, 3:] = False  # what comes into the others of hidden1 is kept, and is of no use
        kept["hidden2.weight"][0, 0] = False
        return Mask(kept)

    names = [form.name for form in Deployable(*lenet(unread), SHAPE).forms(["masked", "slim", "csr"])]
    assert names == ["masked", "slim", "csr"]


def same(net: nn.Module, other: nn.Module) -> bool:
    images = torch.randn(16, *SHAPE)
    with torch.no_grad():
        return torch.allclose(net(images), other(images), rtol=1e-5, atol=1e-5)


def test_a_form_that_computes_something_else_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    net, mask = lenet(unstructured)
    monkeypatch.setattr("lth_lightning.analyses.forms.with_sparse_kernels", lambda *_: LeNet5())
    with pytest.raises(RuntimeError, match="the form 'csr' computes other logits than the masked network"):
        Deployable(net, mask, SHAPE).forms(["csr"])


def built(init: int | None = None, width: float = 0.25) -> Built:
    net = partial(Conv, 2, channels=1, size=8, width=width)
    return tiny.build(Seeds.of(0), 5 if init is None else init, net=net)


def result(arm: str, density: float, round: int = 0, state: dict[str, torch.Tensor] | None = None) -> Mock:
    """A trained network, without a file."""
    net = built().module
    mask = Mask.dense(prunable(net))
    mask = prune(Random(round)(net, mask), density, within=mask) if density < 1 else mask
    mask.apply(prunable(net))
    row = {"arm": arm, "round": round, "density": density, "folder": f"seed-0/{arm}/{round}"}
    return Mock(mask=mask, row=row, state=net.state_dict() if state is None else state)


@pytest.fixture
def read_from_mocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lth_lightning.analyses.latency.state_of", lambda network: network.state)


QUICK = Latency(batches=(1, 3), seconds=0.005, devices=("cpu",))


@pytest.mark.usefixtures("read_from_mocks")
def test_there_is_a_row_for_the_dense_network_and_every_form_of_every_other_of_its_shape() -> None:
    other = built(width=0.5).module.state_dict()
    networks = [result("dense", 1.0), result("ticket", 0.5, 1), result("ticket", 0.2, 2)]
    controls = [result("reinitialised", 0.5, 1), result("odd", 0.5, 1, other)]
    lineages = [Lineage({"seed": seed}, networks, built, controls) for seed in (0, 1)]
    rows = QUICK.across(lineages)
    assert QUICK.rows(lineages[0]) == []
    assert {row["seed"] for row in rows} == {0}, "others have the same shapes"
    told = [(row["arm"], row["round"], row["form"], row["batch"]) for row in rows if row["form"] != "slim"]
    assert told == [
        *(("dense", 0, "dense", batch) for batch in (1, 3)),
        *(
            (arm, number, form, batch)
            for arm, number in (("ticket", 1), ("ticket", 2), ("reinitialised", 1))
            for form in ("masked", "csr")
            for batch in (1, 3)
        ),
    ]
    for row in rows:
        assert row["folder"] == f"seed-0/{row['arm']}/{row['round']}"
        assert row["low"] is None or row["low"] <= row["ratio"] <= row["high"]
        assert (row["low"] is None) == (row["turns"] < 6)
        assert 0 < row["latency"] < 1 > row["latency_dense"] > 0
        assert (row["device"], row["threads"]) == ("cpu", torch.get_num_threads())
        assert row["theory"] == pytest.approx(row["density"], abs=0.1)
        if row["form"] != "slim":
            assert row["flops_ratio"] == pytest.approx(row["theory"] if row["form"] == "csr" else 1)
    assert len({row["seed"] for row in Latency(**{**vars(QUICK), "seeds": 2}).across(lineages)}) == 2
    axis, curves = QUICK.curves(rows)
    forms = {(row["arm"], row["form"], row["batch"]) for row in rows if row["form"] != "dense"}
    assert (axis, len(curves)) == ("density", len(forms) + 2), "and theory of each arm"
    assert curves["latency/seed 0 ticket csr batch 3"] == [
        (row["density"], row["ratio"])
        for row in reversed(rows)
        if (row["arm"], row["form"], row["batch"]) == ("ticket", "csr", 3)
    ]


@pytest.mark.usefixtures("read_from_mocks")
def test_where_the_only_training_was_sparse_it_is_compared_with_an_untrained_dense_network() -> None:
    rows = QUICK.across([Lineage({"seed": 0}, [result("sparse", 0.3)], built)])
    assert {(row["arm"], row["form"]) for row in rows} == {("dense", "dense"), ("sparse", "masked"), ("sparse", "csr")}
    assert ["folder" in row for row in rows if row["form"] == "dense"] == [False, False]
    assert QUICK.across([Lineage({"seed": 0}, [], built)]) == [], "a method that makes copies only"


@pytest.mark.usefixtures("read_from_mocks")
def test_as_many_threads_compute_as_were_asked_for_and_afterwards_as_many_as_before() -> None:
    before = torch.get_num_threads()
    analysis = Latency(batches=(1,), seconds=0.005, devices=("cpu",), cpu_threads=before + 1)
    rows = analysis.across([Lineage({"seed": 0}, [result("dense", 1.0)], built)])
    assert [row["threads"] for row in rows] == [before + 1]
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"forms": ("masked", "fast")}, "forms are some of masked, slim, csr, not masked, fast"),
        ({"batches": ()}, "give one batch or more"),
        ({"batches": (4, 0)}, r"with batches \[4, 0\]"),
        ({"seconds": 0.0}, "for 0.0 seconds"),
        ({"cpu_threads": 0}, "0 threads"),
        ({"seeds": 0}, "0 seeds"),
    ],
)
def test_what_cannot_be_timed_is_refused(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Latency(**arguments)


@pytest.mark.slow
def test_a_run_ends_with_it_and_the_report_says_what_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["lth"])
    monkeypatch.chdir(tmp_path)
    how = "[{class_path: Latency, init_args: {batches: [2], seconds: 0.01, devices: [cpu]}}]"
    line = f"{SMALL} --experiment.rounds 1 --experiment.keep 0.1 --analyses '{how}'"
    said = lth(line, capsys)
    assert (said.code, said.err) == (0, "")
    assert "with 10 % of the weights, the network as it was trained" in said.out
    file = Path("run/analyses/latency.jsonl")
    rows = [json.loads(row) for row in file.read_text().splitlines()]
    recorded = read("run").set_index("folder")
    for row in rows:
        training = recorded.loc[row["folder"]]
        assert row["theory"] == pytest.approx(training["flops_inference"] / training["flops_inference_dense"], abs=1e-4)
    made = file.stat().st_mtime_ns
    assert "of the weights, the network" not in lth(line, capsys).out
    assert file.stat().st_mtime_ns == made, "nothing new was asked for"
    said = lth("report run", capsys)
    assert (said.code, said.err) == (0, "")
    assert "What pruning does to time" in Path("run/report.html").read_text()
    assert Path("run/figures/latency.png").stat().st_size > 10_000


def test_a_trial_times_one_number_of_images_for_a_moment() -> None:
    tried = Latency().tried()
    assert (tried.batches, tried.seconds <= 0.02) == ((1,), True)
