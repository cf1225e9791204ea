"""The table of neurons that structured pruning kept."""

from pathlib import Path

import pandas as pd
import pytest

from lth_lightning.report.neurons import chosen_neurons, neuron_lines, unmet


def note(layer: str, kept: int, by: str = "LocalImitation", **more: object) -> dict[str, object]:
    changes = {"layer_change": 0.01 * kept, "output_change": 0.5, "accuracy_fall": 0.0}
    return {"layer": layer, "neurons": 16, "kept": kept, "by": by, **changes, **more}


def pruned(seed: int, round: int, *notes: dict[str, object]) -> dict[str, object]:
    return {"arm": "pruned", "seed": seed, "round": round, "density": 0.5**round, "notes": list(notes)}


def test_layers_are_in_their_order_with_means_over_seeds_and_who_chose() -> None:
    table = pd.DataFrame(
        [
            {"arm": "dense", "seed": 0, "round": 0, "density": 1.0, "notes": None},
            pruned(0, 1, note("net.b", 8), note("net.a", 4)),
            pruned(1, 1, note("net.b", 9, "GlobalImitation"), note("net.a", 4)),
            pruned(0, 2, note("net.b", 2), note("net.a", 1)),
        ]
    )
    lines = neuron_lines(chosen_neurons(table))
    assert [(line.density, line.layer, line.kept) for line in lines] == [
        *(("50 %", "b", "8.5"), ("", "a", "4"), ("25 %", "b", "2"), ("", "a", "1"))
    ]
    assert lines[0].by == "local imitation (1\u00d7) and global imitation (1\u00d7)"
    assert lines[1].by == "local imitation"
    assert (lines[0].layer_change, lines[0].output_change, lines[0].accuracy_fall) == ("8.5 %", "50 %", "0 %")


def test_tolerances_that_were_not_met_are_named() -> None:
    met, missed = note("net.b", 8, tolerance_met=True), note("net.a", 4, tolerance_met=False)
    (sentence,) = unmet(pd.DataFrame([pruned(0, 1, met, missed), pruned(1, 1, met, met)]))
    assert sentence.startswith("With 50 % of the weights the tolerance was not met in a:")
    assert unmet(pd.DataFrame([pruned(0, 1, met)])) == []
    assert unmet(pd.DataFrame([pruned(0, 1, note("net.b", 8))])) == []


@pytest.mark.parametrize("notes", [None, [{"something": "else"}]])
def test_trainings_without_neurons_have_no_table(notes: object, tmp_path: Path) -> None:
    table = pd.DataFrame([{"arm": "ticket", "seed": 0, "round": 1, "density": 0.5, "notes": notes}])
    assert len(chosen_neurons(table)) == 0
    assert unmet(table) == []
