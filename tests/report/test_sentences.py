import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lth_lightning.report import summary

ROUNDS = {1: (0.0, 0.001, -0.001), 2: (0.002, -0.003, 0.001), 3: (-0.05, -0.052, -0.048)}  # tickets minus dense


Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, write_training: Callable[..., None]) -> Write:
    """Writes an arm's accuracies, given as differences from 97 % for every round and seed."""

    def write_arm(arm: str, accuracies: dict[int, tuple[float, ...]], seeds: int = 3, **extra: float) -> None:
        for round, values in accuracies.items():
            for seed, value in enumerate(values[:seeds]):
                write_training(tmp_path, arm=arm, seed=seed, round=round, accuracy=0.97 + value, epochs=1, **extra)

    return write_arm


def first(folder: Path) -> str:
    return summary(folder)[0]


def second(folder: Path) -> str:
    return summary(folder)[1]


@pytest.fixture
def dense(tmp_path: Path, write: Write) -> Path:
    write("dense", {0: (0.0, 0.0, 0.0)})
    return tmp_path


def test_the_first_sentence_names_the_lowest_density_within_tolerance_and_the_lowest_tried(
    dense: Path, write: Write
) -> None:
    write("ticket", ROUNDS)
    # Round 2: differences 0.002, -0.003, 0.001: mean 0, s = 0.0026458, half-width 4.302653 s / sqrt(3) = 0.0065724.
    # Round 3: mean -0.05, s = 0.002, half-width 0.0049682.
    assert first(dense) == (
        "With 36 % of the weights, down to which validation accuracy stays within 1 percentage point of dense, "
        "tickets reach 96.60 % test accuracy and dense networks 96.60 %: no difference can be told from dense networks "
        "(0.00 percentage points, 95 % interval -0.66 to +0.66, n = 3 seeds); with 21.6 %, the fewest tried, "
        "tickets are less accurate than dense networks (-5.00 points, 95 % interval -5.50 to -4.50, n = 3 seeds)."
    )


def test_the_density_is_chosen_by_validation_and_not_by_test_accuracy(dense: Path, write: Write) -> None:
    write("ticket", {1: ROUNDS[1]})
    write("ticket", {2: ROUNDS[3]}, test_accuracy=0.99)
    assert first(dense).startswith("With 60 % of the weights, down to which")
    assert "with 36 %, the fewest tried" in first(dense)


def test_a_lucky_round_after_a_fall_is_not_picked(dense: Path, write: Write) -> None:
    write("ticket", {1: ROUNDS[1], 2: ROUNDS[3], 3: ROUNDS[1], 4: ROUNDS[3]})
    assert first(dense).startswith("With 60 % of the weights, down to which")


def test_tickets_that_hold_out_to_the_end_are_named_once(dense: Path, write: Write) -> None:
    write("ticket", {1: ROUNDS[1], 2: ROUNDS[2]})
    assert first(dense).startswith(
        "With 36 % of the weights, the fewest tried and in validation accuracy still within 1 percentage point of dense"
    )
    assert first(dense).count("no difference can be told") == 1


def test_tickets_that_fall_at_once_are_said_to(dense: Path, write: Write) -> None:
    write("ticket", {1: ROUNDS[3], 2: ROUNDS[3]})
    assert first(dense).startswith("With 36 % of the weights, the fewest tried, tickets reach 91.60 %")
    assert first(dense).endswith("not even the densest tickets are within 1 percentage point of dense.")


def test_tickets_above_dense_are_more_accurate(dense: Path, write: Write) -> None:
    write("ticket", {1: (0.009, 0.01, 0.011)})
    assert "tickets are more accurate than dense networks (+1.00 percentage points" in first(dense)


def test_one_seed_allows_no_conclusion(tmp_path: Path, write: Write) -> None:
    write("dense", {0: (0.0,)})
    write("ticket", {1: (-0.2,)})
    write("reinitialised", {1: (-0.4,)})
    for sentence, size in zip(summary(tmp_path), ("-20.00", "+20.00"), strict=False):
        assert "no conclusion can be drawn from one seed" in sentence
        assert f"({size} percentage points, n = 1: no interval)" in sentence
        assert "accurate than" not in sentence


def test_a_density_that_one_seed_has_reached_waits_for_another(dense: Path, write: Write) -> None:
    write("ticket", {1: ROUNDS[1], 2: ROUNDS[2]})
    write("ticket", {3: ROUNDS[3]}, seeds=1)
    assert "With 36 % of the weights, the fewest that several seeds have reached" in first(dense)
    assert "21.6 %" not in first(dense)


def test_differences_that_agree_exactly_are_no_evidence(dense: Path, write: Write) -> None:
    write("ticket", {1: (-0.005, -0.005, -0.005)})
    assert "no difference can be told from dense networks (-0.50 percentage points" in first(dense)


def test_controls_are_compared_at_the_density_within_tolerance(dense: Path, write: Write) -> None:
    write("ticket", ROUNDS)
    write("reinitialised", {r: (-0.029, -0.031, -0.03) for r in ROUNDS})
    write("rearranged_mask", {r: (0.004, -0.004, 0.0) for r in ROUNDS})
    assert second(dense).startswith(
        "With 36 % of the weights, tickets are more accurate than reinitialised tickets (+3.00 p"
    )
    assert "; no difference can be told from rearranged masks (0.00 points, 95 % interval" in second(dense)


def test_a_control_of_another_density_is_compared_there(dense: Path, write: Write) -> None:
    write("ticket", ROUNDS)
    write("reinitialised", {3: (0.01, 0.012, 0.014)})
    write("random_ticket", {2: (0.5, 0.499, 0.501)})
    told = second(dense)
    assert "ith 21.6 % of the weights, tickets are less accurate than reinitialised tickets (-6.20 p" in told
    assert "ith 36 % of the weights, tickets are less accurate than random tickets (-50.00 p" in told


def test_arms_without_a_known_name_are_quoted(dense: Path, write: Write) -> None:
    write("ticket", {1: ROUNDS[1]})
    write("MySpecial_arm", {1: (-0.029, -0.031, -0.03)})
    assert 'more accurate than "MySpecial arm" (' in second(dense)


def test_without_controls_the_second_sentence_says_what_stays_open(dense: Path, write: Write) -> None:
    write("ticket", {1: ROUNDS[1]})
    assert second(dense).startswith("No control can be compared with tickets yet")


CHECKS = {
    "random_labels": {1: (0.0, 0.001, -0.001), 2: (-0.029, -0.031, -0.03)},
    "shuffled_pixels": {1: (-0.029, -0.031, -0.03), 2: (-0.029, -0.031, -0.03)},
    "rearranged_mask": {1: (0.0, 0.001, -0.001), 2: (0.02, -0.02, 0.0)},
}


def test_verdicts_of_sanity_checks_are_told_with_their_densities(dense: Path, write: Write) -> None:
    write("ticket", {1: (0.0, 0.0, 0.0), 2: (0.0, 0.0, 0.0)})
    for arm, accuracies in CHECKS.items():
        write(arm, accuracies)
    (dense / "not_applicable.json").write_text('{"half_data": "Its pruning sees one batch"}')
    assert second(dense) == (
        "Sanity checks at 60 % and 36 % of the weights: accuracy drops under random labels (at 36 %) and shuffled "
        "pixels; accuracy does not drop by 0.5 percentage points under random labels (at 60 %) and rearranged mask "
        "(at 60 %); not applicable: half of the data; nothing can be told in 1 of 6 cases."
    )


def test_one_seed_of_sanity_checks_tells_nothing(tmp_path: Path, write: Write) -> None:
    write("ticket", {1: (0.0,)})
    write("corrupted_data", {1: (-0.3,)})
    told = "Sanity checks at 60 % of the weights: nothing can be told from one seed in 1 of 1 cases."
    assert second(tmp_path) == told


def test_sanity_checks_before_the_first_has_finished(tmp_path: Path, write: Write) -> None:
    write("ticket", {1: (0.0,)})
    (tmp_path / "not_applicable.json").write_text('{"half_data": "why"}')
    assert second(tmp_path) == "Sanity checks: not applicable: half of the data."
    write("corrupted_data", {2: (-0.3,)})
    (tmp_path / "not_applicable.json").unlink()
    assert second(tmp_path) == "Sanity checks: none has finished beside a ticket yet."


def test_a_network_pruned_within_its_only_training_is_told_by_what_it_reached(tmp_path: Path, write: Write) -> None:
    write("sparse", {0: (-0.01, 0.0, 0.01)}, density=0.1)
    # s = 0.01: the half-width is 4.302653 / sqrt(3) = 2.48 points.
    reached = "With 10 % of the weights, sparse networks reach 96.60 % test accuracy"
    assert first(tmp_path) == f"{reached} (95 % interval 94.12 % to 99.08 %, n = 3 seeds)."
    assert second(tmp_path) == (
        "There is neither a dense network nor a control beside them, so what pruning cost remains open."
    )


def test_dense_networks_alone_are_no_comparison(dense: Path) -> None:
    assert first(dense).startswith(
        "Dense networks reach 96.60 % test accuracy (95 % interval 96.60 % to 96.60 %, n = 3"
    )
    assert "no comparison yet" in first(dense)


def test_tickets_alone_are_no_comparison(tmp_path: Path, write: Write) -> None:
    write("ticket", {1: (0.0,)})
    reached = "With 60 % of the weights, tickets reach 96.60 % test accuracy (n = 1: no interval); no dense networks"
    assert first(tmp_path).startswith(reached)


def test_other_arms_alone_are_no_comparison(tmp_path: Path, write: Write) -> None:
    write("strange", {1: (0.0,)})
    assert first(tmp_path).startswith("Neither dense networks nor tickets have finished")


def test_without_a_test_set_validation_is_compared_where_it_selects_nothing(tmp_path: Path, write: Write) -> None:
    write("dense", {0: (0.0, 0.0, 0.0)}, test_accuracy=None)
    write("ticket", ROUNDS, test_accuracy=None)
    assert first(tmp_path).startswith(
        "With 21.6 % of the weights, the fewest tried, tickets reach 92.00 % validation accuracy"
    )
    assert "test accuracy" not in first(tmp_path)


def test_the_summary_is_three_sentences_and_the_last_leads_to_the_report(dense: Path) -> None:
    sentences = summary(dense)
    assert len(sentences) == 3
    assert all(re.search(r"\.$", sentence) and "\n" not in sentence for sentence in sentences)
    assert f"`lth report {dense}` writes the report to {dense / 'report.html'}." == sentences[2]
    (dense / "report.html").write_text("")
    assert summary(dense)[2] == f"The report is {dense / 'report.html'}."


def test_no_sentence_speaks_of_winning(dense: Path, write: Write) -> None:
    write("ticket", {1: (0.009, 0.01, 0.011)})
    write("reinitialised", {1: (-0.029, -0.031, -0.03)})
    assert not re.search("winning|wins|proves", " ".join(summary(dense)), re.IGNORECASE)
