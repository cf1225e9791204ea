from pathlib import Path

import pytest

from lth_lightning.claims import Bar, Claim
from lth_lightning.report import bar_of, claims_of
from lth_lightning.report.planned import grid_of


def write(folder: Path, text: str) -> Path:
    (folder / "config.yaml").write_text(text)
    return folder


def test_claims_and_bar_are_read_from_the_configuration(tmp_path: Path) -> None:
    write(
        tmp_path,
        "claims:\n- {says: A, of: imp/ticket, lies: above, by: 1e-05, at: {lr: 1e-05}}\n"
        "- {says: B, of: dense, moves: rises, along: lr, paper: null, source: Fig. 1}\n"
        "bar: {tolerance: null, gap: 0.01, epochs: 60}\n",
    )
    claims, notes = claims_of(tmp_path)
    assert claims == [
        Claim("A", "imp/ticket", lies="above", by=0.00001, at={"lr": "1e-05"}),
        Claim("B", "dense", moves="rises", along="lr", source="Fig. 1"),
    ]
    assert notes == []
    assert bar_of(tmp_path) == (Bar(gap=0.01, epochs=60), [])


@pytest.mark.parametrize("text", ["", "claims: null\nbar: null\n", "experiment: {class_path: Dense}", "{", "- 1"])
def test_older_and_damaged_configurations_claim_nothing(tmp_path: Path, text: str) -> None:
    assert claims_of(tmp_path) == ([], [])
    write(tmp_path, text)
    assert claims_of(tmp_path) == ([], [])
    assert bar_of(tmp_path) == (Bar(), [])
    assert grid_of(tmp_path) == {}


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ("{says: A, of: dense}", "Claim 1 of config.yaml is left out: the claim 'A' has to say either where"),
        ("{says: A, from: dense, lies: above}", "a claim has no from: it has says, of, minus"),
        ("{says: A, lies: above}", "it lacks 'of': add it"),
        ("such", "'such' is no claim: write keys and values"),
        ("{says: A, of: dense, lies: above, at: null}", "left out: "),
    ],
)
def test_a_malformed_claim_is_a_sentence_and_no_crash(tmp_path: Path, entry: str, text: str) -> None:
    good = "{says: B, of: dense, lies: above}"
    claims, (note,) = claims_of(write(tmp_path, f"claims:\n- {entry}\n- {good}\n"))
    assert [claim.says for claim in claims] == ["B"]
    assert text in note


def test_a_malformed_bar_is_a_sentence_and_the_default_one(tmp_path: Path) -> None:
    bar, (note,) = bar_of(write(tmp_path, "bar: {gap: 5}"))
    assert bar == Bar()
    assert "left out, and the default one taken: the gap is a share" in note


def test_axes_are_called_by_the_last_part_of_their_key_unless_two_are_alike(tmp_path: Path) -> None:
    write(
        tmp_path,
        "experiment:\n  init_args:\n    grid:\n      model.optimizer.lr: [0.1, 1e-05]\n      a.width: [1]\n"
        "      b.width: [2]\n      length: {short: {x: 1}, 2: {x: 2}}\n",
    )
    assert grid_of(tmp_path) == {"lr": [0.1, 1e-05], "a.width": [1], "b.width": [2], "length": ["short", "2"]}
