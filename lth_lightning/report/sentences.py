"""What an experiment found, in plain sentences that claim no more than their intervals support."""

from collections.abc import Callable, Iterable

import pandas as pd

from .arms import CORRUPTING, checks, describe
from .checks import TOLERANCE as NO_CHANGE
from .checks import verdicts
from .intervals import Interval, mean_interval, paired_difference, pairs
from .stability import stability
from .wording import INTERVAL, accuracy, listed, points, share, spread

TOLERANCE = 0.01
WITHIN = f"within {100 * TOLERANCE:g} percentage point of dense"
WORDS = {"test_accuracy": "test accuracy", "val_accuracy": "validation accuracy"}


def findings(table: pd.DataFrame) -> list[str]:
    """Two sentences on one experiment: tickets against dense networks, and tickets against their checks.

    Tickets are compared at two densities, neither of which is chosen by looking at the test set. One is the lowest
    that was tried. The other is the lowest down to which the mean *validation* accuracy (of the last epoch, whose
    weights the test sees) stays within one percentage point of the dense networks of the same seeds; the first round
    that falls further behind ends the search, so that a lucky round after it is not picked. As validation and test
    look at the same weights, this second density still favours rounds whose networks happened to train well: plan
    the density beforehand where that matters. Densities that only one seed has reached are passed over where others
    have more. Without a test set the validation accuracy is compared, at the lowest density only.

    Controls are compared at the second density, or at the lowest that they share with the tickets. Where checks of
    what pruning sees are among them, as Su et al. (2020, arXiv:2009.11094) made them, the verdict of every check is
    told instead, at all densities (see `verdicts`). Intervals are Student t over seeds, each by itself: among many,
    some miss by chance.

    Args:
        table: Trainings as `read` returns them.
    """
    metric = measured(table)
    against_dense = _rounds(table, "dense", metric)
    matching = _matching(table, against_dense) if metric == "test_accuracy" else None
    checked = not CORRUPTING.isdisjoint([*table["arm"], *table.attrs.get("not_applicable", {})])
    others = _of_checks(table, metric) if checked else _against_controls(table, matching, metric)
    if (table["density"] == 1).all() and (told := stability(table)):
        return [_without_comparison(table, metric).partition(";")[0].rstrip(".") + ".", told]
    return [_points_in_full_once(told) for told in (_against_dense(table, against_dense, matching, metric), others)]


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
    yet = "no {} of the same seeds have finished, so there is no comparison yet"
    ends = {"dense": "; " + yet.format("tickets"), "ticket": "; " + yet.format("dense networks"), "sparse": ""}
    for arm, end in ends.items():
        own = table[(table["arm"] == arm) & table[metric].notna()]
        if len(own):
            densities = own.groupby("round")["density"].mean().fillna(1.0)
            reached = mean_interval(own[own["round"] == densities.idxmin()].groupby("seed")[metric].mean())
            ends_at = f"{INTERVAL} {accuracy(reached.low)} to {accuracy(reached.high)}, n = {reached.n} seeds"
            mean = f"{accuracy(reached.mean)} {WORDS[metric]} ({ends_at if reached.n > 1 else 'n = 1: no interval'})"
            part = f"with {share(densities.min())} of the weights, " if densities.min() < 1 else ""
            sentence = f"{part}{describe([arm])[arm].plural} reach {mean}{end}."
            return sentence[0].upper() + sentence[1:]
    if set(table["arm"]) <= {"sparse"}:
        return "No sparse network has finished with an accuracy, so there is nothing to tell yet."
    return "Neither dense networks nor tickets have finished with an accuracy, so there is no comparison yet."


def _against_controls(table: pd.DataFrame, matching: int | None, metric: str) -> str:
    if set(table["arm"]) <= {"sparse"}:
        return "There is neither a dense network nor a control beside them, so what pruning cost remains open."
    told: dict[int, dict[str, Interval]] = {}
    for arm in checks(table["arm"]):
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
            clauses.append(f"{answer} {listed(others)}")
    return "; ".join(clauses)


def _of_checks(table: pd.DataFrame, metric: str) -> str:
    """Verdicts of the sanity checks; in brackets the densities of a verdict that does not hold at all."""
    found = verdicts(table, metric)
    compared = found[found["n"] > 0]
    told = {
        "accuracy drops under": found[found["verdict"] == "accuracy drops"],
        f"accuracy does not drop by {100 * NO_CHANGE:g} percentage points under": found[found["verdict"] == "no drop"],
        "not applicable:": found[found["verdict"] == "not applicable"],
    }
    clauses = [f"{start} {listed(_names(own, compared))}" for start, own in told.items() if len(own)]
    if unclear := int((found["verdict"] == "cannot tell").sum()):
        alone = " from one seed" if compared["n"].max() < 2 else ""
        clauses.append(f"nothing can be told{alone} in {unclear} of {len(compared)} cases")
    densities = sorted(compared.groupby("round")["density"].first(), reverse=True)
    at = f" at {listed(map(share, densities))} of the weights" if densities else ""
    return f"Sanity checks{at}: {'; '.join(clauses) or 'none has finished beside a ticket yet'}."


def _names(own: pd.DataFrame, compared: pd.DataFrame) -> list[str]:
    names = []
    for arm in describe(own["arm"]).values():
        here, all_of_it = own[own["arm"] == arm.name], compared[compared["arm"] == arm.name]
        at = f" (at {listed(map(share, here['density']))})" if len(here) < len(all_of_it) else ""
        names.append(arm.label + at)
    return names
