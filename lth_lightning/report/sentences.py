"""What an experiment found, in plain sentences that claim no more than their intervals support."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

from .arms import describe
from .intervals import Interval, mean_interval, paired_difference, pairs
from .reading import read
from .wording import INTERVAL, accuracy, points, share, spread

TOLERANCE = 0.01
WITHIN = f"within {100 * TOLERANCE:g} percentage point of dense"
WORDS = {"test_accuracy": "test accuracy", "val_accuracy": "validation accuracy"}


def summary(folder: Path | str) -> list[str]:
    """Three sentences for a terminal: tickets against dense, tickets against their controls, where the report is.

    Tickets are compared at two densities, neither of which is chosen by looking at the test set. One is the lowest
    that was tried. The other is the lowest down to which the mean *validation* accuracy (of the last epoch, whose
    weights the test sees) stays within one percentage point of the dense networks of the same seeds; the first round
    that falls further behind ends the search, so that a lucky round after it is not picked. As validation and test
    look at the same weights, this second density still favours rounds whose networks happened to train well: plan
    the density beforehand where that matters. Densities that only one seed has reached are passed over where others
    have more. Without a test set the validation accuracy is compared, at the lowest density only.

    Controls are compared at the second density, or at the lowest that they share with the tickets. Intervals are
    Student t over seeds, each by itself: among many, some miss by chance.

    Args:
        folder: The folder that `lth run ... --folder` wrote to.

    Returns:
        Three sentences.

    Raises:
        FileNotFoundError: There is no finished training in this folder.
    """
    page = Path(folder) / "report.html"
    where = f"The report is {page}." if page.is_file() else f"`lth report {folder}` writes the report to {page}."
    return [*findings(read(folder)), where]


def findings(table: pd.DataFrame) -> list[str]:
    """The first two sentences of `summary`, from the table of trainings."""
    metric = measured(table)
    against_dense = _rounds(table, "dense", metric)
    matching = _matching(table, against_dense) if metric == "test_accuracy" else None
    sentences = (_against_dense(table, against_dense, matching, metric), _against_controls(table, matching, metric))
    return [_points_in_full_once(sentence) for sentence in sentences]


def _points_in_full_once(sentence: str) -> str:
    before, points, after = sentence.partition(" points, ")
    return f"{before}{points.replace('points', 'percentage points')}{after}"


def measured(table: pd.DataFrame) -> str:
    """The column that is compared: test accuracy, or validation accuracy where nothing was tested."""
    return "test_accuracy" if table["test_accuracy"].notna().any() else "val_accuracy"


def density_of(table: pd.DataFrame, round: int) -> float:
    """Mean density of the tickets of a round."""
    return float(table.loc[(table["arm"] == "ticket") & (table["round"] == round), "density"].mean())


def _rounds(table: pd.DataFrame, other: str, metric: str) -> list[int]:
    """Rounds at which tickets can be compared with another arm, densest first; those of one seed only if all are."""
    tickets = table[(table["arm"] == "ticket") & table["density"].notna()]
    candidates = tickets.groupby("round")["density"].mean().sort_values(ascending=False, kind="stable").index
    seeds = {int(r): len(pairs(table, "ticket", other, round=int(r), metric=metric)) for r in candidates}
    enough = min(2, max(seeds.values(), default=1))
    return [r for r, n in seeds.items() if n >= max(1, enough)]


def _matching(table: pd.DataFrame, rounds: Iterable[int]) -> int | None:
    """The last of the leading rounds whose validation accuracy stays within the tolerance of dense."""
    last = None
    for r in rounds:
        if not paired_difference(table, "ticket", "dense", round=r, metric="val_accuracy").mean >= -TOLERANCE:
            break
        last = r
    return last


def _against_dense(table: pd.DataFrame, rounds: list[int], matching: int | None, metric: str) -> str:
    if not rounds:
        return _without_comparison(table, metric)
    lowest = rounds[-1]
    sparsest = table[table["arm"] == "ticket"].groupby("round")["density"].mean().idxmin()
    fewest = "the fewest tried" if lowest == sparsest else "the fewest that several seeds have reached"
    if matching is None:
        first = paired_difference(table, "ticket", "dense", round=rounds[0], metric="val_accuracy")
        behind = "; in validation accuracy not even the densest tickets are " + WITHIN
        far = metric == "test_accuracy" and first.mean < -TOLERANCE
        return f"{_reached(table, lowest, fewest, metric)}{behind if far else ''}."
    if matching == lowest:
        return f"{_reached(table, lowest, f'{fewest} and in validation accuracy still {WITHIN}', metric)}."
    difference = paired_difference(table, "ticket", "dense", round=lowest, metric=metric)
    further = f"with {share(density_of(table, lowest))}, {fewest}, {_told({'dense networks': difference})}"
    return f"{_reached(table, matching, f'down to which validation accuracy stays {WITHIN}', metric)}; {further}."


def _reached(table: pd.DataFrame, round: int, why: str, metric: str) -> str:
    both = pairs(table, "ticket", "dense", round=round, metric=metric).mean()
    told = _told({"dense networks": paired_difference(table, "ticket", "dense", round=round, metric=metric)})
    means = f"tickets reach {accuracy(both['a'])} {WORDS[metric]} and dense networks {accuracy(both['b'])}"
    return f"With {share(density_of(table, round))} of the weights, {why}, {means}: {told}"


def _without_comparison(table: pd.DataFrame, metric: str) -> str:
    for arm, missing in (("dense", "tickets"), ("ticket", "dense networks")):
        reached = mean_interval(table[table["arm"] == arm].groupby("seed")[metric].mean())
        if reached.n:
            name = describe([arm])[arm].plural.capitalize()
            ends = f"{INTERVAL} {accuracy(reached.low)} to {accuracy(reached.high)}, n = {reached.n} seeds"
            mean = f"{accuracy(reached.mean)} {WORDS[metric]} ({ends if reached.n > 1 else 'n = 1: no interval'})"
            return f"{name} reach {mean}; no {missing} of the same seeds have finished, so there is no comparison yet."
    return "Neither dense networks nor tickets have finished with an accuracy, so there is no comparison yet."


def _against_controls(table: pd.DataFrame, matching: int | None, metric: str) -> str:
    controls = [arm for name, arm in describe(table["arm"]).items() if name not in ("dense", "ticket")]
    told: dict[int, dict[str, Interval]] = {}
    for arm in controls:
        rounds = _rounds(table, arm.name, metric)
        if rounds:
            chosen = matching if matching in rounds else rounds[-1]
            difference = paired_difference(table, "ticket", arm.name, round=chosen, metric=metric)
            told.setdefault(chosen, {})[arm.plural] = difference
    if not told:
        return "No control can be compared with tickets yet, so whether mask or starting weights matter remains open."
    parts = [f"with {share(density_of(table, r))} of the weights, {_told(others)}" for r, others in told.items()]
    sentence = "; ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}."


def _told(differences: dict[str, Interval]) -> str:
    """What intervals support saying about tickets and other arms, one clause per kind of answer."""
    answers: dict[str, Callable[[Interval], bool]] = {
        "tickets are more accurate than": lambda i: i.side > 0,
        "tickets are less accurate than": lambda i: i.side < 0,
        "no difference can be told from": lambda i: i.n > 1 and i.side == 0,
        "no conclusion can be drawn from one seed on tickets against": lambda i: i.n < 2,
    }
    clauses = []
    for answer, holds in answers.items():
        others = [f"{other} ({points(i.mean)} points, {spread(i)})" for other, i in differences.items() if holds(i)]
        if others:
            clauses.append(f"{answer} {' and '.join(filter(None, [', '.join(others[:-1]), others[-1]]))}")
    return "; ".join(clauses)
