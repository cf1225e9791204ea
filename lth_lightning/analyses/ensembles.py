"""Do networks that were trained several times learn the same function?"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from statistics import fmean

from torch import Tensor

from ..analysis import disagreement, ensemble_accuracy, outputs
from ..experiments import Result
from .base import Analysis, Lineage, Row, named, setting_of, state_of
from .images import Images, in_order


class Answers:
    """The logits of a lineage's networks for the same images.

    Args:
        lineage: Where they are of.
        images: The images to ask about.
    """

    def __init__(self, lineage: Lineage, images: Images) -> None:
        self.lineage = lineage
        self._net, self._batches = lineage.build().module, in_order(lineage, images)
        self._known: dict[Path, tuple[Tensor, Tensor]] = {}

    def of(self, network: Result) -> tuple[Tensor, Tensor]:
        """Logits (N, K) and labels (N,)."""
        if network.folder not in self._known:
            self._net.load_state_dict(state_of(network))
            self._known[network.folder] = outputs(self._net, self._batches)
        return self._known[network.folder]

    def apart(self, network: Result) -> float | None:
        """How often a network disagrees with the one that its mask is of; None for that one, and where none is."""
        solution = self.lineage.solution(network.row["round"])
        if solution is None or network.row["arm"] in (solution.row["arm"], "dense"):
            return None
        return disagreement(self.of(network)[0], self.of(solution)[0])


@dataclass(frozen=True)
class Ensembles(Analysis):
    """How much more networks know together than alone, and how often they disagree (Evci et al., 2022).

    Sets of networks are copies that differ in SGD noise only (of the control `OtherNoise`), and the networks of one arm
    and round over all seeds, whose initialisation, noise and mask all differ. An ensemble answers by the mean of its
    members' softmax. Sources: arXiv:2010.03533; Fort et al., 2019, arXiv:1912.02757.

    Args:
        images: The images to ask about: 'test' or 'val'.
    """

    images: Images = "test"

    def rows(self, lineage: Lineage) -> list[Row]:
        """A row for each set of copies, see `across`; it has the `folder` of what was copied."""
        if not lineage.copies:
            return []
        answers = Answers(lineage, self.images)
        return [
            {**lineage.labels, "folder": copies[0].row["folder"], "differ": "noise"}
            | _set([(answers, network) for network in copies])
            for copies in lineage.copies
        ]

    def across(self, lineages: Sequence[Lineage]) -> list[Row]:
        """A row for the networks of each arm and round, one of every seed, where there are two or more.

        `members` tells how many they are, `differ` in what ('noise' or 'seeds'). `accuracy` is the mean of theirs,
        beside their `ensemble_accuracy`; `disagreement` the mean over all pairs, `disagreement_with_pruned` that of
        each with the network that its mask is of, where that was pruned in training.
        """
        by_arm: dict[tuple[str, int], list[tuple[Answers, Result]]] = {}
        for lineage in lineages:
            answers = Answers(lineage, self.images)
            for network in (*lineage.networks, *lineage.controls):
                by_arm.setdefault((network.row["arm"], network.row["round"]), []).append((answers, network))
        labels = {name: value for name, value in lineages[0].labels.items() if name != "seed"}
        return [{**labels, "differ": "seeds", **_set(own)} for own in by_arm.values() if len(own) > 1]

    def curves(self, rows: Sequence[Row]) -> tuple[str, dict[str, list[tuple[float, float]]]]:
        """How often members disagree, by the round."""
        found: dict[str, list[tuple[float, float]]] = {}
        for row in rows:
            own = named(row, row["arm"]) if "seed" in row else " ".join(filter(None, [setting_of(row), row["arm"]]))
            label = f"disagreement/{own}, other {row['differ']}"
            found.setdefault(label, []).append((row["round"], row["disagreement"]))
        return "round", found

    @property
    def nothing(self) -> str:
        """What makes sets of networks."""
        return "there are no two networks of one arm: ask for more seeds, or for copies by the control OtherNoise"

    def sentence(self, rows: Sequence[Row]) -> str:
        """Of each arm, in the last round that it has, what copies disagree on, or else networks of other seeds."""
        told = []
        for arm in dict.fromkeys(row["arm"] for row in rows):
            own = [row for row in rows if row["arm"] == arm]
            kind = "noise" if any(row["differ"] == "noise" for row in own) else "seeds"
            own = [row for row in own if row["differ"] == kind]
            own = [row for row in own if row["round"] == max(each["round"] for each in own)]
            alone, together, apart = (
                100 * fmean(row[name] for row in own) for name in ("accuracy", "ensemble_accuracy", "disagreement")
            )
            told.append(
                f"'{arm}' of other {kind} on {apart:.2f} % ({alone:.2f} % right alone, {together:.2f} together)"
            )
        return f"networks disagree: {'; '.join(told)}"


def _set(members: Sequence[tuple[Answers, Result]]) -> Row:
    """What there is to say of a set of networks."""
    told = [answers.of(network) for answers, network in members]
    logits, labels = [own for own, _ in told], told[0][1]
    with_pruned = [apart for answers, network in members if (apart := answers.apart(network)) is not None]
    return {
        **{name: members[0][1].row[name] for name in ("arm", "round", "density")},
        "members": len(members),
        "accuracy": fmean(ensemble_accuracy([own], labels) for own in logits),
        "ensemble_accuracy": ensemble_accuracy(logits, labels),
        "disagreement": fmean(disagreement(one, other) for one, other in combinations(logits, 2)),
        "disagreement_with_pruned": fmean(with_pruned) if with_pruned else None,
    }
