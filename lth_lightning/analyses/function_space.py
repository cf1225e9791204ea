"""Do the networks of all rounds say the same of the same images?"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..analysis import disagreement, embed, ensemble_accuracy, loss_distance, output_distance, outputs
from .base import Analysis, Lineage, Row, state_of
from .images import Images, held_out


@dataclass(frozen=True)
class FunctionSpace(Analysis):
    """How alike all networks of a lineage are by what they answer (Fort et al., 2019, arXiv:1912.02757).

    Unlike distances of weights, what is compared does not depend on the order of a network's units.

    Args:
        images: The images to ask about: 'test' or 'val'.
    """

    images: Images = "test"

    def rows(self, lineage: Lineage) -> list[Row]:
        """A row for each network, and one for each pair of networks.

        Of a network, `round`, `density`, `accuracy`, `ensemble_accuracy` of it and all before, and its place (`x`, `y`)
        in a picture in which the distances of networks are near to their disagreements. Of a pair, the rounds `one` and
        `other`, the `density` of the latter, `disagreement`, `output_distance`, `loss_distance` and the
        `ensemble_accuracy` of the two.
        """
        built, logits = lineage.build(), list[Tensor]()
        for network in lineage.networks:
            built.module.load_state_dict(state_of(network))
            scores, labels = outputs(built.module, held_out(built, self.images))
            logits.append(scores)
        apart = torch.zeros(len(logits), len(logits), dtype=torch.float64)
        pairs = list[Row]()
        for i, j in combinations(range(len(logits)), 2):
            pair = (logits[i], logits[j])
            apart[i, j] = apart[j, i] = disagreement(*pair)
            pairs.append(
                {
                    **lineage.labels,
                    "one": lineage.networks[i].row["round"],
                    "other": lineage.networks[j].row["round"],
                    "density": lineage.networks[j].row["density"],
                    "disagreement": float(apart[i, j]),
                    "output_distance": output_distance(*pair),
                    "loss_distance": loss_distance(*pair, labels),
                    "ensemble_accuracy": ensemble_accuracy(pair, labels),
                }
            )
        places = embed(apart, min(2, len(logits)))
        return [
            {
                **lineage.labels,
                "round": network.row["round"],
                "density": network.row["density"],
                "accuracy": ensemble_accuracy(logits[i : i + 1], labels),
                "ensemble_accuracy": ensemble_accuracy(logits[: i + 1], labels),
                **dict(zip("xy", pad(places[i], (0, 1)).tolist(), strict=False)),
            }
            for i, network in enumerate(lineage.networks)
        ] + pairs

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
        last = {row["seed"]: row["ensemble_accuracy"] for row in networks}
        best = {seed: max(row["accuracy"] for row in networks if row["seed"] == seed) for seed in last}
        return (
            f"networks disagree on {' and '.join(told) or 'nothing, as each is alone'}; all rounds together classify "
            f"{100 * fmean(last.values()):.2f} % rightly, the best of them {100 * fmean(best.values()):.2f} %"
        )
