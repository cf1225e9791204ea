"""The shipped configs run, from a checkout and from a wheel."""

import html
import json
import os
import re
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from composing import SHIPPED, made, names, parsed, task_of
from PIL import Image

from lth_lightning.cli import main
from lth_lightning.data import Arrays
from lth_lightning.report import read, write_report
from lth_lightning.report.quantity import arms_of
from lth_lightning.sparsity import Neurons, count

ROOT = Path(__file__).parent.parent
METHODS_OF_EXPERIMENTS = ("omp", "partially_trained_ticket", "hybrid_ticket", "random_ticket")
WITHOUT_A_TICKET = ("gmp", "rigl", "set", "static")  # masks that move, or whose density another policy has
# at 224 these take minutes; a worker of a loader takes half a second to begin, and there are four loaders a training
OF_FOLDERS = ["--data.init_args.size", "32", "--data.init_args.workers", "0"]
WITHOUT_DATA = ("synflow", "magnitude_at_init", "random", "random_erk", "random_smart_ratio", "random_ticket")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Commands run in this process and an empty folder."""
    monkeypatch.setattr(sys, "argv", ["lth"])  # Lightning warns of the words after pytest, which it is not given
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of data sets with the shapes of the real ones."""
    root = tmp_path_factory.mktemp("data")
    draws = np.random.default_rng(0)
    for name, shape, classes in (
        ("mnist", (28, 28, 1), 10),
        ("cifar10", (32, 32, 3), 10),
        ("cifar100", (32, 32, 3), 100),
    ):
        parts = [
            part
            for count in (600, 200)
            for part in (draws.integers(0, 256, (count, *shape), np.uint8), np.arange(count) % classes)
        ]
        Arrays(*parts).write(root / f"{name}.npz")
    for part in ("train", "val"):
        for number in range(1000):
            place = root / "imagenet" / part / f"{number:03}"
            place.mkdir(parents=True)
            Image.fromarray(draws.integers(0, 256, (8, 8, 3), np.uint8)).save(place / "0.png")
        for number in range(400):
            place = root / "tiny-imagenet-20" / part / f"{number % 20:02}"
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(draws.integers(0, 256, (8, 8, 3), np.uint8)).save(place / f"{number}.png")
    return root


def typed_for(study: str) -> list[str]:
    """The words of the command in a study's header, but for its folder."""
    typed = re.search(r"^# lth run (.*?) --folder", SHIPPED[study].read_text(), re.MULTILINE)
    assert typed
    return typed[1].split()


def runs(*words: str) -> list[dict[str, Any]]:
    """The rows of a run that ends well."""
    assert main(["run", *words, "--folder", "run"]) == 0
    return [json.loads(line) for line in Path("run/results.jsonl").read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("experiment", ["dense", "omp"])
@pytest.mark.parametrize("task", names("tasks"))
def test_a_task_runs_in_a_small_way(
    task: str, experiment: str, small_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LTH_DATA", str(small_data))
    few = ["--experiment.init_args.densities", "[0.5]"] if experiment == "omp" else []
    few += OF_FOLDERS if "imagenet" in task else []
    rows = runs("--config", task, "--config", experiment, "--config", "debug", *few)
    assert [row["arm"] for row in rows] == ["dense", "random_ticket", "rearranged_mask", "reinitialised", "ticket"][
        : 5 if experiment == "omp" else 1
    ]
    for row in rows:
        assert row["epochs"] == 2
        assert row["density"] == pytest.approx(0.5 if row["round"] else 1, abs=1 / row["weights"])
        assert 0 <= row["test_accuracy"] <= 1


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("task", ["lenet_mnist", "resnet20_cifar10", "mobilenetv2_tinyimagenet20"])
def test_a_task_runs_in_a_small_way_on_its_own_data(task: str) -> None:
    (row,) = runs("--config", task, "--config", "dense", "--config", "debug")
    assert row["epochs"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("experiment", names("experiments"))
def test_an_experiment_runs_as_it_is_shipped_in_a_small_way(experiment: str) -> None:
    words = ["--config", task_of(experiment), "--config", experiment, "--config", "debug", "--seeds", "[0]"]
    rows, experiment = runs(*words), made(*words)
    assert len(rows) == experiment.trainings
    lowest = min(getattr(experiment, "densities", [1]))
    sparse = [row["density"] for row in rows if row["arm"] != "small_dense"]  # which has a density of its own
    neurons = isinstance(getattr(experiment, "policy", None), Neurons)  # at most; a trial ends a layer after few steps
    assert min(sparse) == pytest.approx(lowest, abs=0.001) or (neurons and min(sparse) < lowest)


@pytest.mark.parametrize(
    "method", [pytest.param(name, marks=[] if name == "rigl" else pytest.mark.slow) for name in names("methods")]
)
def test_a_method_trains_once_as_it_is_shipped_in_a_small_way(method: str) -> None:
    task = "resnet8_digits" if method == "random_smart_ratio" else "digits"
    words = ["--config", task, "--config", method, "--config", "debug"]
    assert main(["fit", *words, "--folder", "run"]) == 0
    (row,) = [json.loads(line) for line in Path("run/results.jsonl").read_text().splitlines()]
    assert (row["arm"], row["epochs"]) == ("sparse", 2)
    density = re.search(r"density: ([\d.]+)", SHIPPED[method].read_text())
    assert density
    assert row["weights_kept"] == count(float(density[1]), row["weights"])
    (saved,) = Path("run").rglob("last.ckpt")
    history = torch.load(saved, weights_only=True)["callbacks"]["Sparsify"]["history"]
    assert (len(history) > 1) == (method in ("gmp", "rigl", "set"))


@pytest.mark.slow
def test_at_two_percent_masks_that_move_are_the_better_ones_and_by_the_gradient_the_best() -> None:
    found = []
    for method in ("static", "set", "rigl"):
        few = ["--trainer.callbacks.init_args.policy.init_args.initial.init_args.density", "0.02"]
        assert main(["fit", "--config", "digits", "--config", method, *few, "--folder", method]) == 0
        found.append(json.loads(Path(method, "results.jsonl").read_text())["test_accuracy"])
    static, by_chance, by_gradient = found
    assert static + 0.03 < by_chance < by_gradient - 0.03  # Evci et al., 2020: the same order


@pytest.mark.slow
@pytest.mark.parametrize(
    "method", [*(name for name in names("methods") if name not in WITHOUT_A_TICKET), *METHODS_OF_EXPERIMENTS]
)
def test_every_method_goes_through_the_sanity_checks_by_the_same_command(method: str) -> None:
    words = ["--config", "resnet8_digits", "--config", method, "--config", "sanity", "--config", "debug"]
    words += ["--seeds", "[0]", "--experiment.init_args.densities", "[0.2,0.1]"]
    rows, experiment = runs(*words), made(*words)
    assert len(rows) == experiment.trainings
    asked = {"random_labels", "shuffled_pixels", "corrupted_data", "half_data", "rearranged_mask", "shuffled_weights"}
    done = {row["arm"] for row in rows}
    left_out = json.loads(Path("run/not_applicable.json").read_text()) if experiment.inapplicable else {}
    assert left_out == experiment.inapplicable
    assert done - {"dense", "ticket", "reinitialised", "pretraining"} == asked - set(left_out)
    assert ("random_labels" in left_out) == (method in WITHOUT_DATA)


@pytest.mark.slow
@pytest.mark.parametrize("study", names("studies"))
def test_every_arm_of_a_study_and_its_report_are_made_in_a_small_way(
    study: str, small_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LTH_DATA", str(small_data))
    words = [*typed_for(study), "--config", "debug"]
    words += OF_FOLDERS if any("imagenet" in word for word in words) else []
    words += ["--seeds", "[0,1]"]  # more of them are more of the same
    assert main(["run", *words, "--folder", "run"]) == 0
    table, experiment = read("run"), made(*words)
    assert len(list(Path("run").rglob("result.pt"))) == experiment.trainings * table["seed"].nunique()
    assert set(arms_of(table)) >= set(experiment.arms), "every arm has results"
    assert set(table.attrs["axes"]) == set(experiment.axes)
    page = write_report("run").read_text()
    claims = parsed(*words).config.claims
    assert claims
    for claim in claims:
        assert claim.says in html.unescape(page)


@pytest.mark.slow
def test_an_installed_wheel_has_the_configs_and_the_page_of_the_report(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    isolation = ["--no-build-isolation"] if find_spec("hatchling") else []
    subprocess.run([*pip, "wheel", "--no-deps", *isolation, "-w", "built", ROOT], check=True, capture_output=True)
    (wheel,) = Path("built").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    pages = {path.relative_to(ROOT).as_posix() for path in (ROOT / "lth_lightning").rglob("*.html*")}
    assert pages
    assert pages <= inside
    shipped = {f"lth_lightning/configs/{path.relative_to(ROOT / 'configs')}" for path in SHIPPED.values()}
    assert {name for name in inside if name.endswith(".yaml")} == shipped
    subprocess.run([*pip, "install", "--no-deps", "--target", "installed", wheel], check=True, capture_output=True)
    assert (Path("installed") / "bin" / "lth").exists()
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}
    where, listed = (
        subprocess.run([sys.executable, *words], env=environment, check=True, capture_output=True, text=True).stdout
        for words in (["-c", "import lth_lightning; print(lth_lightning.__file__)"], ["-m", "lth_lightning", "configs"])
    )
    assert where.strip() == str(tmp_path / "installed" / "lth_lightning" / "__init__.py")
    assert {line.split()[0] for line in listed.splitlines() if line.startswith("  ")} == set(SHIPPED)


@pytest.mark.slow
@pytest.mark.parametrize("probe", ["gradient_flow", "hessian"])
def test_a_probe_runs_as_it_is_shipped_in_a_small_way(probe: str) -> None:
    rows = runs("--config", "digits", "--config", "dense", "--config", probe, "--config", "debug")
    found = [json.loads(line) for line in Path(f"run/analyses/{probe}.jsonl").read_text().splitlines()]
    assert {row["folder"] for row in found} == {row["folder"] for row in rows}
    page = write_report("run").read_text()
    assert f"figures/{probe}.png" in page
