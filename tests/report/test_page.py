import base64
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from xml.etree import ElementTree

import pytest
from shown import Page

from lth_lightning.claims import Claim
from lth_lightning.report import read, summary, verdicts, write_report
from lth_lightning.report.accuracy import drawable
from lth_lightning.report.quantity import values_of
from lth_lightning.report.rendering import softened, typeset
from lth_lightning.report.settings import is_study
from lth_lightning.report.table import lines, told_where_needed
from lth_lightning.report.wording import points

ARMS = ("dense", "ticket", "reinitialised", "rearranged_mask", "random_ticket")
FIGURES = ("accuracy", "checks", "difference", "layers", "learning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, write_experiment: Callable[..., Path]) -> Path:
    folder = write_experiment(tmp_path_factory.mktemp("runs") / "imp")
    assert write_report(folder) == folder / "report.html"
    return folder


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return Page(folder / "report.html")


def test_the_page_loads_nothing_but_itself(page: Page) -> None:
    assert len(page.loads) == 2 * len(FIGURES)  # a wide and a narrow form of each
    assert all(load.startswith("data:image/svg+xml;base64,") for load in page.loads)
    assert not {"script", "link", "iframe", "object", "base"} & set(page.tags)
    assert not re.search(r"url\(|@import|https?://", page.source)
    assert "default-src 'none'" in page.source  # a browser would refuse whatever was overlooked


def test_the_page_is_well_formed(page: Page) -> None:
    assert page.open == []
    assert page.source.startswith("<!DOCTYPE html>")


def test_every_figure_is_a_drawing_of_its_own_that_refers_to_nothing(page: Page) -> None:
    for load in page.loads:
        root = ElementTree.fromstring(base64.b64decode(load.partition(",")[2]))
        references = [v for e in root.iter() for k, v in e.attrib.items() if k.endswith("href")]
        assert all(reference.startswith(("#", "data:")) for reference in references)
        assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) > 20
    assert len(set(page.loads)) == len(page.loads)


def test_every_picture_is_described(page: Page) -> None:
    alternatives = re.findall(r'alt="([^"]*)"', page.source)
    assert len(alternatives) == len(FIGURES)
    assert all(len(text) > 40 for text in alternatives)


def test_the_headline_is_the_summary(folder: Path, page: Page) -> None:
    for sentence in summary(folder)[:2]:
        assert typeset(sentence) in page.words


def test_every_arm_is_explained_and_has_its_place_in_the_table(page: Page) -> None:
    for arm in ARMS:
        assert page.words.count(arm.replace("_", " ")) >= 2


def test_the_table_holds_means_and_half_widths(tmp_path: Path, write_training: Callable[..., None]) -> None:
    for seed, (dense, ticket) in enumerate([(0.90, 0.93), (0.92, 0.93), (0.94, 0.93)]):
        write_training(tmp_path, arm="dense", seed=seed, round=0, accuracy=dense, epochs=1)
        write_training(tmp_path, arm="ticket", seed=seed, round=2, accuracy=ticket, epochs=2 + seed, density_asked=0.35)
    (_, (dense_line,)), (_, (ticket_line,)) = lines(read(tmp_path))
    # Test accuracy is 0.4 points below validation. s = 0.02: the half-width is 4.302653 * 2 / sqrt(3) = 4.97 points.
    assert astuple(dense_line) == (
        *(0, "100", "100", 3, "91.60 ± 4.97", "92.00 ± 4.97", "\u2013", "1", "1", "1", "1", "12 s"),
    )
    assert astuple(ticket_line) == (
        *(2, "35", "36", 3, "92.60 ± 0.00", "93.00 ± 0.00", "+1.00 ± 4.97", "2 to 4", "6 to 12", "0.36", "0.36"),
        "14 s",
    )


@pytest.mark.slow
def test_epochs_in_all_have_a_column_where_they_are_known_and_others(
    tmp_path: Path, write_training: Callable[..., None]
) -> None:
    for name, in_all in (("trained alone", 12), ("pruned", 36), ("of an older version", None)):
        folder = tmp_path / name
        for arm, round in (("dense", 0), ("ticket", 1)):
            own = {"epochs_in_all": in_all if round or in_all is None else 12}
            write_training(folder, arm=arm, seed=0, round=round, accuracy=0.9, **own)
        page = Page(write_report(folder))
        assert ("Epochs in all: its own and those" in page.words) == (name == "pruned")
        assert ("36" in page.tables[-1]) == (name == "pruned")
        shown = len(page.tables[-1]) // 2
        assert shown == (12 if name == "pruned" else 11)


@pytest.mark.slow
def test_operations_have_columns_where_they_are_known_and_others_than_the_dense_networks(
    tmp_path: Path, write_training: Callable[..., None]
) -> None:
    names = [f"flops_{part}{dense}" for part in ("inference", "training") for dense in ("", "_dense")]
    known = {"dense": (400, 400, 9000, 9000), "ticket": (100, 400, 1500, 6000), "small_dense": (40, 40, 900, 900)}
    for arm, numbers in known.items():
        own = dict(zip(names, numbers, strict=True))
        write_training(tmp_path, arm=arm, seed=0, round=int(arm != "dense"), accuracy=0.9, **own)
    assert "A mask by itself saves no time" in Page(write_report(tmp_path)).words
    table = read(tmp_path)
    assert {arm.name: (own[0].inference, own[0].training) for arm, own in lines(table)} == {
        "dense": ("1", "1"),
        "ticket": ("0.25", "0.25"),
        "small_dense": ("0.1", "0.1"),
    }
    assert told_where_needed([lines(table)])["flops"]
    for same in (table[table["arm"] == "dense"], table.drop(columns=names)):  # of an older version
        assert not told_where_needed([lines(same)])["flops"]


@pytest.mark.slow
def test_a_network_trained_by_admm_is_told_but_neither_drawn_nor_a_check(
    tmp_path: Path, write_experiment: Callable[..., Path], write_training: Callable[..., None]
) -> None:
    folder = write_experiment(tmp_path, rounds=2)
    rows = [json.dumps(json.loads(line) | {"lr": 0.1}) for line in (folder / "results.jsonl").read_text().splitlines()]
    (folder / "results.jsonl").write_text("\n".join([*rows, ""]))
    before = read(folder)
    for seed in range(3):
        write_training(folder, arm="admm", seed=seed, round=1, accuracy=0.5, density=1.0, density_asked=0.6, lr=1e-3)
    after, page = read(folder), Page(write_report(folder))
    assert "ADMM" in page.words
    assert not is_study(after), "a rate of its own makes no other setting of it"
    assert not set(verdicts(after)["arm"]) & {"admm"}
    assert drawable(after, "test_accuracy")["arm"].tolist() == before["arm"].tolist()
    assert len(summary(folder)) == len(set(summary(folder)))
    assert values_of(Claim("It is told", of="admm", at={"density": 0.6}, lies="above"), after) == [0.496] * 3


def test_the_width_that_was_chosen_for_a_narrower_network_is_told(
    tmp_path: Path, write_training: Callable[..., None]
) -> None:
    for arm, more in (("dense", {}), ("small_dense", {"width": 0.39844})):
        write_training(tmp_path, arm=arm, seed=0, round=int(arm != "dense"), accuracy=0.9, epochs=1, **more)
    (_, (dense,)), (_, (small,)) = lines(read(tmp_path))
    assert "width" not in dense.got
    assert small.got.endswith(", width 0.398")


def test_the_page_holds_the_table(folder: Path, page: Page) -> None:
    shown = [typeset(str(value)) for _, own in lines(read(folder)) for line in own for value in astuple(line)]
    assert page.tables[-1] == shown
    assert len(shown) == (1 + 4 * 8) * 12  # five arms, eight rounds of all but dense, twelve columns


def test_the_page_holds_the_verdicts(folder: Path, page: Page) -> None:
    shown = page.tables[1]
    assert len(shown) == 3 * 8  # three checks, eight densities
    found = verdicts(read(folder))
    for cell, verdict in zip(shown, found.to_dict("records"), strict=True):  # both by check, and then by density
        assert cell.startswith(verdict["verdict"])
        assert typeset(f"{points(verdict['mean'])} ({points(verdict['low'])} to {points(verdict['high'])})") in cell
        assert "n\u00a0=\u00a03, p " in cell
        assert ("more seed" in cell) == (verdict["verdict"] == "cannot tell")
    assert {"accuracy drops", "cannot tell"} <= set(found["verdict"])
    assert "The 24 intervals stand each for itself" in " ".join(page.words.split())


@pytest.mark.slow
def test_what_does_not_apply_and_what_is_left_without_a_use_are_told(
    tmp_path: Path, write_training: Callable[..., None]
) -> None:
    for arm, collapsed in (("ticket", []), ("rearranged_mask", ["net.b.weight"])):
        units = {"net.a.weight": {"dead": 0, "disconnected": 0}, "net.b.weight": {"dead": 2, "disconnected": 1}}
        structure = {"effective_density": 0.35, "collapsed": collapsed, "layers": units}
        write_training(tmp_path, arm=arm, seed=0, round=2, accuracy=0.9, epochs=1, structure=structure)
    (tmp_path / "not_applicable.json").write_text('{"random_labels": "Random <b>never</b> looks at data"}')
    page = Page(write_report(tmp_path))
    assert page.tables[0][0] == "not applicable Random <b>never</b> looks at data."
    assert "Layer collapse with 36 % of the weights: rearranged mask in net.b (1 of 1 seeds)." in page.words
    assert page.tables[1][-2:] == ["2", "1"]
    assert page.tables[2][2] == "36 (35)"


def test_older_rows_without_structure_say_nothing_about_it(page: Page) -> None:
    assert "Layer collapse" not in page.words
    assert "Units without a use" not in page.words
    assert "(in use)" not in page.words


def test_the_configuration_and_the_versions_are_there(page: Page) -> None:
    assert "init_args: {keep: 0.6}" in page.words
    for word in ("torch", "2.11.0", "32-true", "71b23b0"):
        assert word in page.words


def test_figures_are_files_too(folder: Path) -> None:
    files = sorted((folder / "figures").iterdir())
    assert [file.name for file in files] == [f"{name}.png" for name in FIGURES]
    for file in files:
        content = file.read_bytes()
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        assert int.from_bytes(content[16:20]) == round(8.6 * 150)
        assert len(content) > 10_000


@pytest.mark.slow
def test_reporting_again_writes_the_same_bytes(folder: Path, page: Page) -> None:
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    write_report(folder)
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before


@pytest.mark.slow
def test_names_cannot_become_markup(tmp_path: Path, write_training: Callable[..., None]) -> None:
    folder = tmp_path / "<script>alert(1)<"
    bad = "<script>alert(2)</script>$\\frac"
    for arm, round in (("dense", 0), ("ticket", 1), (bad, 1)):
        write_training(
            *(folder,),
            **{"arm": arm, "seed": 0, "round": round, "accuracy": 0.9, "epochs": 1},
            where=f"training-{len(arm)}",
            experiment="<script>alert(3)</script>",
            versions={"<b>": "<script>alert(4)</script>"},
            layers={"net.<i>$_{$.weight": [3, 10]},
        )
    (folder / "config.yaml").write_text("a: </pre><script>alert(5)</script>")
    page = Page(write_report(folder))
    assert not {"script", "b", "i"} & set(page.tags)
    assert page.open == []
    for number in range(1, 6):
        assert f"<script>alert({number})<" in page.words


@pytest.mark.slow
def test_a_half_finished_experiment_has_a_page_that_says_so(
    tmp_path: Path, write_training: Callable[..., None]
) -> None:
    for seed, rounds in enumerate((3, 2)):
        for round in range(rounds):
            arm = "ticket" if round else "dense"
            write_training(tmp_path, arm=arm, seed=seed, round=round, accuracy=0.9 + 0.01 * seed, epochs=2)
    shutil.rmtree(tmp_path / "seed-1/round-01")
    (tmp_path / "seed-0/round-02/metrics.jsonl").write_text('{"epoch": 1, "step": 11, "val_acc')
    with (tmp_path / "results.jsonl").open("a") as stream:
        stream.write('{"arm": "tick')
    with pytest.warns(UserWarning, match="line 6"):
        page = Page(write_report(tmp_path))
    assert "Not every seed has finished every training" in page.words
    assert "incomplete lines, which are left out here: 6" in page.words
    assert "The folder has no config.yaml." in page.words
    assert "(no interval)" in page.words


@pytest.mark.slow
def test_dense_networks_of_one_seed_have_a_page_without_comparisons(
    tmp_path: Path, write_training: Callable[..., None]
) -> None:
    write_training(tmp_path, arm="dense", seed=0, round=0, accuracy=0.97, layers=None, versions=None, commit=None)
    page = Page(write_report(tmp_path))
    assert [file.name for file in (tmp_path / "figures").iterdir()] == ["learning.png"]
    assert len(page.loads) == 2
    assert "n\u00a0=\u00a01: no interval" in page.words


def test_an_unusual_arm_without_accuracies_and_curves_has_a_page(
    tmp_path: Path, write_training: Callable[..., None]
) -> None:
    write_training(tmp_path, arm="odd", seed=3, round=1, accuracy=float("nan"), density=0.0, layers={}, epochs=0)
    page = Page(write_report(tmp_path))
    assert page.loads == []
    assert "odd" in page.words


def test_a_folder_without_results_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_minus_is_a_minus_and_numbers_keep_their_unit() -> None:
    assert typeset("(-0.12 points, 16.8 %, n = 3)") == "(\u22120.12 points, 16.8\u00a0%, n\u00a0=\u00a03)"
    assert typeset("resnet-20") == "resnet-20"


def test_what_stands_in_brackets_is_quieter_and_escaped() -> None:
    assert softened('a "<b>" (c)') == "a &#34;&lt;b&gt;&#34; <span>(c)</span>"


@pytest.mark.parametrize(("rounds", "dashed"), [(1, False), (2, True)])
def test_the_caption_of_accuracies_tells_of_what_is_in_the_figure(
    rounds: int, dashed: bool, tmp_path: Path, write_experiment: Callable[..., Path]
) -> None:
    page = Page(write_report(write_experiment(tmp_path, rounds=rounds, epochs=1, seeds=2)))
    told = page.words[page.words.index("Accuracy against weights kept") :]
    assert "faint dots are single seeds" in told
    assert ("The dashed line with its band" in told) == dashed
