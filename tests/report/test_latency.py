"""What the page says of latency."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from shown import Page

from lth_lightning.report import write_report
from lth_lightning.report.drawing import NARROW, WIDE
from lth_lightning.report.latency import latency_figure, latency_section
from lth_lightning.report.latency_words import latency_sentence


def row(arm: str, form: str, batch: int, ratio: float, density: float = 1.0, **more: Any) -> dict[str, Any]:
    return {
        **{"seed": 0, "arm": arm, "round": 0 if density == 1 else 2, "density": density, "theory": density},
        **{"form": form, "parameters": int(1000 * density), "parameters_ratio": density, "flops": 5000},
        **{"flops_ratio": 1.0, "device": "cpu", "processor": "AMD EPYC", "threads": 2, "batch": batch},
        **{"latency": 1e-4 * ratio, "latency_dense": 1e-4, "ratio": ratio, "low": 0.9 * ratio, "high": 1.25 * ratio},
        **more,
    }


ROWS = [
    *(row("dense", "dense", batch, 1.0) for batch in (1, 64)),
    *(row("ticket", "masked", batch, 1.0, 0.05) for batch in (1, 64)),
    row("ticket", "csr", 1, 2.0, 0.05),
    row("ticket", "csr", 64, 0.5, 0.05, low=None, high=None),
    row("random_ticket", "masked", 1, 3.0, 0.05),
    row("random_ticket", "masked", 64, 3.0, 0.05),
]


def test_the_sentence_says_of_every_form_how_long_it_takes_beside_theory() -> None:
    assert latency_sentence(ROWS) == (
        "with 5 % of the weights, the network as it was trained, its zeros in dense tensors, takes 1.00 (0.90 to 1.25) "
        "times as long as the dense one at batch 1 and 1.00 (0.90 to 1.25) at batch 64; with a sparse kernel (CSR) "
        "2.00 (1.80 to 2.50) and 0.50; in theory, if only kept weights were multiplied, 0.05 "
        "(95 % intervals; AMD EPYC, 2 threads)"
    )


def test_it_is_about_the_sparsest_network_and_about_the_dense_one_where_there_is_no_other() -> None:
    more = [row("ticket", "masked", 1, 1.5, 0.01, round=3), row("ticket", "masked", 64, 1.5, 0.01, round=3)]
    assert latency_sentence([*ROWS, *more]).startswith("with 1 % of the weights, the network as it was trained")
    assert "1.50 (1.35 to 1.88) times as long" in latency_sentence([*ROWS, *more])
    assert latency_sentence(ROWS[:2]) == (
        "a forward pass of the dense network takes 0.1 ms at batch 1 and 0.1 ms at batch 64"
    )
    gpu = row("ticket", "slim", 1, 0.25, 0.05, device="cuda", processor="NVIDIA H100")
    told = latency_sentence([ROWS[0], gpu])
    assert "without the channels that nothing reads takes 0.25 (0.23 to 0.31) times as long" in told
    assert told.endswith("at batch 1 on the GPU; in theory, if only kept weights were multiplied, 0.05 "
                         "(95 % intervals; AMD EPYC, 2 threads and NVIDIA H100)")  # fmt: skip


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_the_figure_has_a_panel_for_each_number_of_images_and_measured_against_theory(width: float) -> None:
    panels = latency_figure(pd.DataFrame(ROWS), width).axes
    assert [axes.get_title() for axes in panels] == ["batch 1", "batch 64"]
    for axes, csr in zip(panels, (0.5, 2.0), strict=True):
        points = {each.get_label(): each.lines[0].get_xydata() for each in axes.containers}
        assert {label: np.asarray(place).tolist() for label, place in points.items()} == {
            "dense": [[1, pytest.approx(1)]],
            "masked": [[pytest.approx(20, rel=0.06), pytest.approx(1)]],
            "sparse kernel": [[pytest.approx(20, rel=0.06), pytest.approx(csr)]],
        }
        assert points["masked"][0][0] < 20 < points["sparse kernel"][0][0], "side by side"
        (theory,) = [line for line in axes.lines if line.get_label() == "as in theory"]
        assert np.array_equal(*np.asarray(theory.get_data()))
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
        low, high = axes.get_ylim()
        assert low < 0.5 < 2 < high, "the same for all"


def write(folder: Path, rows: list[dict[str, Any]]) -> None:
    (folder / "analyses").mkdir(parents=True, exist_ok=True)
    (folder / "analyses" / "latency.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))


def test_the_table_has_a_line_for_each_form_of_what_pruning_made(tmp_path: Path) -> None:
    assert latency_section(tmp_path) is None
    write(tmp_path, [*ROWS, *(row("ticket", "csr", batch, 4.0, 0.05, seed=1) for batch in (1, 64))])
    section = latency_section(tmp_path)
    assert section is not None
    assert (section.columns, section.lines) == (["batch 1", "batch 64"], 3)
    assert [(arm.name, len(own)) for arm, own in section.parts] == [("dense", 1), ("ticket", 1)]
    (_, (ticket,)) = section.parts[1]
    assert (ticket.round, ticket.kept, ticket.theory) == (2, "5", "20")
    masked, csr = ticket.lines
    assert (masked.form, csr.form, csr.parameters) == ("masked", "sparse kernel", ("50", "0.05"))
    assert masked.times == [("0.1", "1.00", "0.80 to 1.11")] * 2
    assert csr.times == [("0.2", "0.50", "0.40 to 0.56"), ("0.05", "2.00", "")]
    (sentence,) = section.sentences
    assert sentence.startswith("With 5 % of the weights")
    assert sentence.endswith(".")


def test_methods_of_a_study_have_a_sentence_and_a_part_each(tmp_path: Path) -> None:
    write(tmp_path, [{**each, "method": method} for method in ("imp", "thin") for each in ROWS])
    section = latency_section(tmp_path)
    assert section is not None
    assert [sentence.partition(":")[0] for sentence in section.sentences] == ["imp", "thin"]
    assert [arm.name for arm, _ in section.parts] == ["dense", "imp/ticket", "thin/ticket"]


def test_the_page_of_an_experiment_shows_it(
    tmp_path: Path, write_experiment: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, ROWS)
    monkeypatch.setattr("lth_lightning.report.page.draw", lambda *_: {})  # the other figures have tests of their own
    page = Page(write_report(write_experiment(tmp_path, rounds=2)))
    assert "What pruning does to time" in page.words
    assert "0.80 to 1.11" in page.words
    assert (tmp_path / "figures" / "latency.png").read_bytes()[:4] == b"\x89PNG"
