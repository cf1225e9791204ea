"""Do the networks of all rounds say the same of the same images?"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

import torch
from torch import Tensor

from ..analysis import disagreement, embed, ensemble_accuracy, loss_distance, output_distance, outputs
from ..experiments import Result
from .base import Analysis, Lineage, Row, named, state_of
from .images import Images, in_order


@dataclass(frozen=True)
class FunctionSpace(Analysis):
    """How alike all networks of a lineage are by what they answer (Fort et al., 2019, arXiv:1912.02757).

    Unlike distances of weights, what is compared does not depend on the order of a network's units.

    Args:
        images: The images to ask about: 'test' or 'val'.
    """

    images: Images = "test"

    def rows(self, lineage: Lineage) -> list[Row]:
        """A row for each network, and one for each pair of networks; none where there is no pair.

        Of a network, `round`, `density`, `accuracy`, `ensemble_accuracy` of it and all before, and its place (`x`, `y`)
        in a picture in which the distances of networks are near to their disagreements. Of a pair, the rounds `one` and
        `other`, the `density` of the latter, `disagreement`, `output_distance`, `loss_distance` and the
        `ensemble_accuracy` of the two.
        """
        if len(lineage.networks) < 2:
            return []
        built, batches, logits = lineage.build(), in_order(lineage, self.images), list[Tensor]()
        for network in lineage.networks:
            built.module.load_state_dict(state_of(network))
            scores, labels = outputs(built.module, batches)
            logits.append(scores)
        found = list(zip(lineage.networks, logits, strict=True))
        pairs = [_pair(*one, *other, labels) for one, other in combinations(found, 2)]
        apart = torch.zeros(len(found), len(found), dtype=torch.float64)
        for (i, j), pair in zip(combinations(range(len(found)), 2), pairs, strict=True):
            apart[i, j] = apart[j, i] = pair["disagreement"]
        places = embed(apart)
        networks: list[Row] = [
            {
                "round": network.row["round"],
                "density": network.row["density"],
                "accuracy": ensemble_accuracy(logits[i : i + 1], labels),
                "ensemble_accuracy": ensemble_accuracy(logits[: i + 1], labels),
                **dict(zip("xy", places[i].tolist(), strict=True)),
            }
            for i, network in enumerate(lineage.networks)
        ]
        return [{**lineage.labels, **row} for row in (*networks, *pairs)]

    def curves(self, rows: Sequence[Row]) -> tuple[str, dict[str, list[tuple[float, float]]]]:
        """How often each round disagrees with the one before, by round."""
        found: dict[str, list[tuple[float, float]]] = {}
        for row in rows:
            if "one" in row and row["other"] == row["one"] + 1:
                label = f"disagreement/{named(row, 'with the round before')}"
                found.setdefault(label, []).append((row["other"], row["disagreement"]))
        return "round", found

    def sentence(self, rows: Sequence[Row]) -> str:
        """How often successive rounds disagree, and what all networks know together."""
        networks, pairs = ([row for row in rows if kind in row] for kind in ("round", "one"))
        successive = [row["disagreement"] for row in pairs if row["other"] == row["one"] + 1]
        dense = [row["disagreement"] for row in pairs if row["one"] == 0]
        told = [
            f"{100 * fmean(own):.2f} % of images {how}"
            for own, how in ((successive, "between successive rounds"), (dense, "between tickets and dense networks"))
            if own
        ]
        all_rounds = {row["seed"]: row["ensemble_accuracy"] for row in networks}  # the last of each seed
        together, alone = (100 * fmean(each) for each in (all_rounds.values(), [row["accuracy"] for row in networks]))
        told = [f"networks disagree on {' and '.join(told)}"] if told else []
        return "; ".join([*told, f"all rounds together classify {together:.2f} % rightly, one alone {alone:.2f} %"])


def _pair(one: Result, here: Tensor, other: Result, there: Tensor, labels: Tensor) -> Row:
    """The row of two networks, from their logits."""
    return {
        "one": one.row["round"],
        "other": other.row["round"],
        "density": other.row["density"],
        "disagreement": disagreement(here, there),
        "output_distance": output_distance(here, there),
        "loss_distance": loss_distance(here, there, labels),
        "ensemble_accuracy": ensemble_accuracy([here, there], labels),
    }
