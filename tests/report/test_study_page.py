import json
import re
from collections.abc import Callable, Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from shown import Page

from lth_lightning.claims import Bar
from lth_lightning.report import pooled, read, settings, summary, verdict, write_report
from lth_lightning.report.rendering import typeset
from lth_lightning.report.table import lines

Write = Callable[..., Path]
GRID = {"lr": [0.005, 0.1]}
DENSITIES = (0.5, 0.2, 0.0859)
CLAIMS = [
    {
        "says": "Tickets win by <b>far</b>.",
        "of": "imp/ticket",
        "minus": "imp/reinitialised",
        "at": {"lr": 0.005, "density": 0.086},
        "lies": "above",
        "by": 0.005,
        "paper": 0.045,
        "source": "Fig. 1c",
    },
    {"says": "Dense networks fall", "of": "dense", "moves": "falls", "along": "lr", "paper": 0.01},
    {"says": "Another method", "of": "rigl/ticket", "at": {"lr": 0.1}, "lies": "above", "by": 0.5},
    {"says": "Both rates at once", "of": "imp/ticket", "lies": "above"},
    {"says": "No claim", "of": "imp/ticket"},
]
FAILED = "seed-1/lr-0.1/omp/round-03"


@pytest.fixture(scope="module", name="folder")
def study_folder(tmp_path_factory: pytest.TempPathFactory, write_study: Write) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "ma2021"
    write_study(folder, grid=GRID, densities=DENSITIES, config={"claims": CLAIMS})
    table = folder / Path(FAILED).parent / "results.jsonl"
    rows = [line for line in table.read_text().splitlines() if json.loads(line)["folder"] != FAILED]
    table.write_text("".join(row + "\n" for row in rows))
    (folder / FAILED / "failed.json").write_text('{"reason": "diverged: the training loss is <nan>"}')
    assert write_report(folder) == folder / "report.html"
    return folder


@pytest.fixture(scope="module", name="page")
def page_of(folder: Path) -> Page:
    return Page(folder / "report.html")


@pytest.fixture(scope="module", name="words")
def words_of(page: Page) -> str:
    return " ".join(page.words.split())


def test_the_page_of_a_study_is_whole_and_loads_nothing_but_itself(folder: Path, page: Page) -> None:
    figures = {"accuracy-imp", "accuracy-omp", "gap"}
    assert {file.stem for file in (folder / "figures").iterdir()} == figures
    assert len(page.loads) == 2 * len(figures)
    assert all(load.startswith("data:image/svg+xml;base64,") for load in page.loads)
    assert len(set(page.loads)) == len(page.loads)
    assert page.open == []
    assert not {"script", "link", "b"} & set(page.tags)
    assert all(len(text) > 40 for text in re.findall(r'alt="([^"]*)"', page.source))


def test_the_page_begins_with_what_became_of_the_claims_and_the_guideline(words: str) -> None:
    assert "Of 3 claims, 1 is supported, 1 is refuted and 1 is not finished." in words
    assert words.index("Of 3 claims") < words.index("Winning tickets in 1 of 4 settings: imp: secondary prize with lr")


def test_a_claim_stands_with_its_numbers_and_those_of_the_paper(page: Page) -> None:
    table = read_of(page, "claims")
    supported, refuted, missing = (table[3 * i : 3 * i + 3] for i in range(3))
    assert supported[0] == "supported"
    assert re.fullmatch(r"\+\d\.\d\d points\(\+\d\.\d\d to \+\d\.\d\d\)n = 3", supported[1].replace("\u00a0", " "))
    assert supported[2] == "+4.50 pointsFig. 1c"
    assert refuted[0] == "refuted"
    assert "points a step" in refuted[1]
    assert missing == ["not finishedtrainings are missing", "\u2013", "\u2013"]
    assert "imp ticket \u2212 imp reinitialised, lr 0.005, density 8.6\u00a0%: above +0.50 points" in page.words


def read_of(page: Page, kind: str) -> list[str]:
    """The cells of the first table of a kind."""
    tables = re.findall(r"<table[^>]*class=\"([^\"]*)\"|<table>", page.source)
    return page.tables[[kind in name.split() for name in tables].index(True)]


def test_what_cannot_be_judged_failed_or_is_missing_is_noted(words: str) -> None:
    assert "Claim 5 of config.yaml is left out: the claim 'No claim' has to say either where" in words
    assert "Not judged: the claim 'Both rates at once' is at lr any of 0.005, 0.1: fix it by `at`, such as" in words
    assert f"1 training failed ({FAILED}): diverged: the training loss is <nan>." in words
    total = 3 * 2 * (1 + 3 + 2 * 2 * 3)
    assert f"Not finished yet, or failed: 1 training of {total}." in words


def test_the_guideline_has_the_strict_verdict_of_every_setting_at_every_density_that_can_win(
    folder: Path, page: Page
) -> None:
    letters = {"jackpot": "J", "secondary prize": "S", "no ticket": "\u2013", "cannot tell": "?"}
    expected = [
        letters[v.strict.rates[rate]]
        for own in pooled(read(folder)).values()
        for rate in GRID["lr"]
        for v in verdict(own)
        if v.density < 0.4
    ]
    shown = read_of(page, "guide")
    assert [text[-1] for text in shown] == expected
    assert len(shown) == 2 * 2 * 2
    assert {"S", "\u2013"} <= set(shown)


def test_every_setting_has_its_own_numbers(folder: Path, page: Page) -> None:
    rows = [json.loads(line) for file in folder.rglob("results.jsonl") for line in file.read_text().splitlines()]
    numbers = page.tables[-4:]
    for (setting, own), shown in zip(settings(read(folder)).items(), numbers, strict=True):
        assert shown == [typeset(str(value)) for _, group in lines(own) for line in group for value in astuple(line)]
        tickets = [
            np.mean([r["test_accuracy"] for r in rows if _is(r, setting.method, setting.at["lr"], density)])
            for density in DENSITIES
        ]
        table = [shown[12 * i : 12 * i + 12] for i in range(len(shown) // 12)]
        assert [line[4].split()[0] for line in table[1:4]] == [f"{100 * mean:.2f}" for mean in tickets]


def _is(row: Mapping[str, Any], method: str, lr: float, density: float) -> bool:
    return (row.get("method"), row["point"]["lr"], row["arm"], row["density_asked"]) == (method, lr, "ticket", density)


def test_which_tolerance_was_used_is_told(words: str) -> None:
    assert words.count("0.5 points below, the paper's tolerance for CIFAR10.") == 2


def test_results_are_a_plain_table_for_other_programs(folder: Path) -> None:
    table, csv = read(folder), pd.read_csv(folder / "results.csv")
    assert len(csv) == len(table)
    assert csv["test_accuracy"].tolist() == pytest.approx(table["test_accuracy"].tolist())
    assert {"study", "method", "arm", "seed", "lr", "density_asked", "folder", "seconds"} <= set(csv)
    assert not {"layers", "point", "versions", "structure"} & set(csv)


def test_the_terminal_tells_every_claim_then_the_guideline_then_where_the_page_is(folder: Path) -> None:
    told = summary(folder)
    assert re.fullmatch(
        r"supported: Tickets win by <b>far</b> \(\+\d\.\d\d points, 95 % interval \+\d\.\d\d to \+\d\.\d\d, "
        r"n = 3 seeds; paper \+4\.50\)",
        told[0],
    )
    assert told[1].startswith("refuted: Dense networks fall (+")
    assert told[2] == "not finished: Another method (trainings are missing)"
    assert told[-2].startswith("Winning tickets in 1 of 4 settings")
    assert told[-1] == f"The report is {folder / 'report.html'}."


@pytest.mark.slow
def test_reporting_a_study_again_writes_the_same_bytes(folder: Path, page: Page) -> None:
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    write_report(folder)
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before


@pytest.mark.slow
def test_a_study_that_has_just_begun_has_a_page(tmp_path: Path, append_row: Callable[..., None]) -> None:
    rest = {"seed": 0, "round": 0, "accuracy": 0.9, "point": {"lr": 0.1}}
    append_row(tmp_path, arm="dense", density=1.0, method=None, **rest)
    page = Page(write_report(tmp_path))
    assert "No verdict on winning tickets: it takes tickets, reinitialised tickets and dense networks." in page.words
    assert page.loads == []
    append_row(tmp_path, arm="ticket", density=0.2, method="imp", **rest | {"round": 1})
    page = Page(write_report(tmp_path))
    assert len(page.loads) == 2
    assert "There is one seed only" in page.words


@pytest.mark.slow
def test_checks_of_a_study_are_judged_setting_by_setting(tmp_path: Path, write_study: Write) -> None:
    def told(method: str | None, point: Mapping[str, Any], arm: str, density: float) -> float:
        drop = {"random_labels": 0.0 if method == "omp" else 0.1, "small_dense": 0.2}
        return 0.9 - drop.get(arm, 0.0)

    controls = ("random_labels",)
    write_study(tmp_path, grid={}, densities=(0.2,), accuracy=told, controls=controls, noise=0.0005)
    (tmp_path / "not_applicable.json").write_text('{"omp/half_data": "It has <no> data."}')
    page = Page(write_report(tmp_path))
    imp, omp = page.tables[0], page.tables[1]
    assert imp[0].startswith("accuracy drops")
    assert omp[0].startswith("no drop")
    assert omp[1] == "not applicable It has <no> data."
    assert len(imp) == 2  # random labels and small dense networks


@pytest.mark.slow
def test_a_plain_experiment_may_claim_something(tmp_path: Path, write_experiment: Write) -> None:
    write_experiment(tmp_path, rounds=2, seeds=2)
    claims = [{"says": "It is so", "of": "ticket", "minus": "dense", "at": {"density": 0.36}, "lies": "above", "by": 1}]
    config = "experiment: {class_path: IterativePruning}\nbar: {tolerance: 0.02}\nclaims: " + json.dumps(claims)
    (tmp_path / "config.yaml").write_text(config)
    page = Page(write_report(tmp_path))
    words = " ".join(page.words.split())
    assert "Of 1 claim, 1 is refuted." in words
    assert page.tables[0][0] == "refuted"
    assert "at most 2 points below, as the configuration asks." in words
    assert "What was trained" in page.words
    assert not (tmp_path / "results.csv").exists()
    assert summary(tmp_path)[0].startswith("refuted: It is so (-")


def test_a_bar_of_the_configuration_is_taken(tmp_path: Path, write_study: Write) -> None:
    write_study(
        tmp_path, grid={"lr": [0.005]}, methods=("imp",), densities=(0.1,), config={"bar": {"nontrivial": 0.05}}
    )
    (own,) = pooled(read(tmp_path)).values()
    assert verdict(own, bar=Bar(nontrivial=0.05))[0].strict.verdict == "no ticket"
    assert summary(tmp_path)[-2] == "There is no winning ticket in 1 setting."


def test_a_claim_about_no_density_is_not_finished_and_shown(tmp_path: Path, append_row: Callable[..., None]) -> None:
    append_row(tmp_path, arm="ticket", density=0.2, method="imp", seed=0, round=1, accuracy=0.9, point={})
    claim = '{says: So, of: ticket, lies: above, metric: val_accuracy, at: {density: "low"}}'
    (tmp_path / "config.yaml").write_text(f"claims: [{claim}]")
    assert summary(tmp_path)[0] == "not finished: So (trainings are missing)"
    assert "validation accuracy of ticket, density unknown: above 0.00\u00a0%" in Page(write_report(tmp_path)).words


@pytest.mark.parametrize("density", [(0.2,), (0.5, 0.2)])
def test_the_caption_of_accuracies_tells_of_what_is_in_the_figure(
    density: tuple[float, ...], tmp_path: Path, write_study: Write
) -> None:
    arms = ("reinitialised", "rearranged_mask")  # with tickets and small dense networks, which all methods share: four
    study = {"methods": ("imp",), "grid": {"lr": [0.1]}, "densities": density, "controls": arms}
    page = Page(write_report(write_study(tmp_path, seeds=2, accuracy=lambda *_: 0.9, **study)))
    assert ("faint dots are single seeds" in page.words) == (len(density) == 1)
    assert ("the dashed line with its band" in page.words) == (len(density) > 1)
