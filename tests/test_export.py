"""`lth export`: from the folder of a training to files."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from typed import lth

from lth_lightning import formats
from lth_lightning.cli import main
from lth_lightning.data import Digits
from lth_lightning.exporting import load

Capture = pytest.CaptureFixture[str]
TICKET = "run/seed-0/round-06"
STUDY: dict[str, Any] = {
    "experiment": {
        "class_path": "Study",
        "init_args": {
            "name": "tiny",
            "grid": {"model.net.width": [0.1, 0.05]},
            "methods": {"omp": {"class_path": "OneShotPruning", "init_args": {"densities": [0.05]}}},
        },
    }
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an experiment, `run`, and a study, `study`."""
    folder = tmp_path_factory.mktemp("trained")
    task = "--config digits --data.subset 140 --trainer.max_epochs 1"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["lth"])
        (folder / "study.yaml").write_text(yaml.safe_dump(STUDY))
        iterative = "--experiment.rounds 6 --experiment.keep 0.5 --experiment.controls [SmallDense]"
        at = "--experiment.controls_at [6] --experiment.rewind.to 0it --model.net.width 0.2"
        assert main(f"run {task} --config imp {iterative} {at} --folder run".split()) == 0
        assert main(f"run {task} --config study.yaml --folder study".split()) == 0
    return folder


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, trained: Path) -> None:
    """Commands run in this process and a copy of that folder."""
    monkeypatch.setattr(sys, "argv", ["lth"])  # Lightning warns of the words after pytest, which it is not given
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)


def predicted(net: torch.nn.Module, folder: Path) -> float:
    """Accuracy on the test images, normalised as the description says."""
    pixels = yaml.safe_load((folder / "network.yaml").read_text())["images"]
    arrays = Digits().load()
    images = torch.from_numpy(arrays.test_images).permute(0, 3, 1, 2).float()
    images = images * pixels["scale"][0] + pixels["shift"][0]
    with torch.no_grad():
        hits = net(images).argmax(1) == torch.from_numpy(arrays.test_labels)
    return float(hits.double().mean())


def row(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(folder / "result.pt", weights_only=True)["row"]
    return found


def test_a_ticket_becomes_a_smaller_network_with_its_accuracy(capsys: Capture) -> None:
    said = lth(f"export {TICKET}", capsys)
    assert (said.code, said.err) == (0, "")
    first, second, third, fourth, last = said.out.splitlines()
    to = Path(TICKET, "export")
    net, mask = load(to), torch.load(f"{TICKET}/result.pt", weights_only=True)["mask"]
    count = sum(value.numel() for value in net.parameters())
    layers = sum(net.get_submodule(name).weight.shape[0] for name in ("hidden1", "hidden2"))
    assert first == f"LeNet300100: {layers} of 80 channels that could be taken out stay; nothing reads the others"
    dense = 64 * 60 + 60 + 60 * 20 + 20 + 20 * 10 + 10
    flops = 2 * sum(value.numel() for value in net.parameters() if value.dim() == 2)
    assert second.startswith(f"parameters: {count:,} of {dense:,} (")
    assert f"; FLOPs of an image: {flops:,} of {2 * (64 * 60 + 60 * 20 + 20 * 10):,} (" in second
    one, two = (yaml.safe_load((to / "network.yaml").read_text())["kept"][name] for name in ("hidden1", "hidden2"))
    within = [mask["net.hidden1.weight"][one], mask["net.hidden2.weight"][two][:, one], mask["net.head.weight"][:, two]]
    kept = sum(int(each.sum()) for each in within)
    assert third == f"{flops // 2 - kept:,} of its {flops // 2:,} weights are pruned too, and stay there as zeros"
    assert fourth.startswith("largest difference of logits to the masked network on 64 images: ")
    assert float(fourth.rpartition(": ")[2]) < 1e-4
    assert last == f"{to} has weights.pt, network.yaml, network.pt2, network.ts, network.onnx"
    assert {path.name for path in to.iterdir()} == {*last.rpartition("has ")[2].split(", ")}
    assert predicted(net, to) == pytest.approx(row(Path(TICKET))["test_accuracy"], abs=1e-6)


def test_the_dense_network_is_exported_whole(capsys: Capture) -> None:
    said = lth("export run/seed-0/round-00 --to whole --formats []", capsys)
    assert said.out.splitlines()[0] == "LeNet300100: each of its channels is read, so this is the whole network"
    assert [path.name for path in sorted(Path("whole").iterdir())] == ["network.yaml", "weights.pt"]
    assert predicted(load("whole"), Path("whole")) == pytest.approx(
        row(Path("run/seed-0/round-00"))["test_accuracy"], abs=1e-6
    )


def test_every_training_is_made_as_it_was_at_its_point_of_the_grid_and_as_wide(capsys: Capture) -> None:
    folders = [
        path.parent for path in (*Path("study").rglob("result.pt"), *Path("run/seed-0").rglob("small*/**/result.pt"))
    ]
    assert len(folders) >= 5
    widths = set()
    for number, folder in enumerate(folders):
        said = lth(f"export {folder} --to {number} --formats []", capsys)
        assert (said.code, said.err) == (0, "")
        assert predicted(load(str(number)), Path(str(number))) == pytest.approx(row(folder)["test_accuracy"], abs=1e-6)
        widths.add(yaml.safe_load(Path(str(number), "network.yaml").read_text())["network"]["init_args"]["width"])
    assert {0.1, 0.05} < widths


def test_exporting_again_writes_the_same_and_leaves_the_training_as_it_was(capsys: Capture) -> None:
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    assert lth(f"export {TICKET} --formats [ts]", capsys).code == 0
    weights = Path(TICKET, "export", "weights.pt").read_bytes()
    assert lth(f"export {TICKET} --formats [pt2]", capsys).code == 0
    assert Path(TICKET, "export", "weights.pt").read_bytes() == weights
    assert Path(TICKET, "export", "network.ts").exists(), "it is of the same weights"
    torch.save({}, Path(TICKET, "export", "weights.pt"))
    assert lth(f"export {TICKET} --formats [pt2]", capsys).code == 0
    assert not Path(TICKET, "export", "network.ts").exists(), "it may be of other weights"
    assert all(path.read_bytes() == content for path, content in before.items())
    Path("run").rename("moved")
    assert lth(f"export {TICKET.replace('run', 'moved')} --formats []", capsys).code == 0


def test_a_folder_with_another_networks_export_is_left_alone(capsys: Capture) -> None:
    assert lth(f"export {TICKET} --to there --formats []", capsys).code == 0
    said = lth("export run/seed-0/round-00 --to there --formats []", capsys)
    assert said.code == 2
    assert f"there has the network of {Path(TICKET).resolve()}: choose another --to, or delete it" in said.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "give the folder of a training, such as lth export runs/imp/seed-0/round-01"),
        ("nowhere", "there is no folder nowhere: give that of a training, such as runs/imp/seed-0/round-01"),
        ("run", "run is an experiment, not a training: give the folder of one, such as run/seed-0/round-00"),
        ("run/seed-0", "run/seed-0 is no training: give a folder with a result.pt"),
        ("cut/seed-0/round-06", "the training in cut/seed-0/round-06 has not finished: type the command that began it"),
        ("loose", "no folder above loose has a config.yaml"),
        (f"{TICKET} --formats [tflite]", "formats is 'tflite', which must be one of pt2, ts, onnx"),
        (f"{TICKET} --two there", "there is no option --two"),
    ],
)
def test_what_cannot_be_exported_is_refused_in_a_sentence(words: str, said: str, capsys: Capture) -> None:
    shutil.copytree("run", "cut")
    Path("cut/seed-0/round-06/result.pt").unlink()
    shutil.copytree(TICKET, "loose")
    told = lth(f"export {words}", capsys)
    assert told.code == 2
    assert said in told.err
    assert told.err.count("\n") == 1
    assert list(Path().rglob("network.*")) == []


def test_a_damaged_checkpoint_is_named(capsys: Capture) -> None:
    Path(TICKET, "last.ckpt").write_bytes(b"PK")
    said = lth(f"export {TICKET}", capsys)
    assert said.code == 1
    assert f"{TICKET}/last.ckpt is truncated, or not a Lightning checkpoint" in said.err


def test_without_onnx_there_is_no_onnx_and_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setitem(formats.NEEDS, "onnx", ("onnx", "onnxscript_that_nobody_has"))
    needs = "network.onnx needs onnxscript_that_nobody_has: pip install 'lth_lightning[export]'"
    said = lth(f"export {TICKET}", capsys)
    assert said.code == 0
    assert said.out.splitlines()[-1] == needs
    assert not Path(TICKET, "export", "network.onnx").exists()
    said = lth(f"export {TICKET} --formats [onnx]", capsys)
    assert (said.code, said.err) == (2, f"lth export: {needs}\n")


def test_a_network_that_is_not_the_same_is_not_written(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    state = torch.load(f"{TICKET}/last.ckpt", weights_only=True)
    for name in ("net.hidden2.weight", "net.head.weight"):  # what its mask prunes is not zero
        state["state_dict"][name].fill_(0.1)
    torch.save(state, f"{TICKET}/last.ckpt")
    said = lth(f"export {TICKET}", capsys)
    assert said.code == 1
    assert "the smaller network is not the same function" in said.err
    assert not Path(TICKET, "export").exists()


def test_a_form_that_a_network_has_not_is_named_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def fails(*_: Any) -> bytes:
        raise ValueError("it branches on its input\nand so on")

    monkeypatch.setitem(formats.FORMATS, "pt2", fails)
    said = lth(f"export {TICKET}", capsys)
    sentence = (
        "LeNet300100 cannot be written as network.pt2 (it branches on its input): leave it out, --formats [ts,onnx]"
    )
    assert (said.code, said.err) == (2, f"lth export: {sentence}\n")
    assert not Path(TICKET, "export").exists()


def test_reports_and_status_do_not_see_an_export(capsys: Capture) -> None:
    before = lth("status run", capsys).out
    lth(f"export {TICKET} --formats []", capsys)
    assert lth("status run", capsys).out == before
    assert len([json.loads(line) for line in Path("run/results.jsonl").read_text().splitlines()]) == 8


MINE = """
import torch
from torch import nn
from lth_lightning.training import Classifier


class Mine(Classifier):
    def __init__(self) -> None:
        super().__init__(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)))


class More(Classifier):
    def __init__(self, net: nn.Module) -> None:
        super().__init__(net)
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images):
        return self.scale * self.net(images)
"""


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("{class_path: mine.Mine}", "mine.Mine takes no `net` with a class_path: export needs one"),
        (
            "{class_path: mine.More, init_args: {net: {class_path: lth_lightning.models.LeNet300100, "
            "init_args: {inputs: 64, width: 0.1}}}}",
            "More has more weights than those of its `net`: export takes modules that have no others",
        ),
    ],
)
def test_a_module_that_is_more_than_its_network_is_refused(
    model: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "mine.yaml").write_text(f"model: {model}\ndata: {{class_path: lth_lightning.data.Digits}}")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    line = "fit --config mine.yaml --config random --data.subset 140 --trainer.max_epochs 1 --folder mine"
    assert lth(line, capsys).code == 0
    told = lth("export mine/seed-0/round-00", capsys)
    assert told.code == 2
    assert said in told.err
