"""Do tickets end where the network ended that they were pruned from?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from torch import Tensor

from ..analysis import Statistics
from ..experiments import Result
from .base import Lineage, Row, named, start_of, state_of
from .images import Images
from .lines import Lines


@dataclass(frozen=True, kw_only=True)
class ToSolution(Lines):
    """Loss and error from where a network starts, and where it ends, to the pruning solution (Evci et al., 2022).

    Of tickets of the experiment PruningInTraining and all beside them; the solution is the network that was pruned in
    training, and has their mask. Source: arXiv:2010.03533. A start is on file where training began from a checkpoint,
    or where the experiment says `keep_starts: true`.

    Args:
        number: How many networks on the line to evaluate; the source takes 29 for LeNet-5.
        where: At the 'ends' and evenly between them, or in the 'middles' of as many equal parts.
        span: Between which alphas, 0 being the network and 1 the solution; beyond these it goes on straight.
        statistics: What batch norm normalises by, one or several of: those of the 'batch' at hand; running statistics,
            'interpolated' as the weights or 'estimated' on training images at each place.
        images: The images to evaluate on, one or several of 'train' (as they are, not augmented), 'val' and 'test'.
        batches: At most so many batches of them, for evaluations in less time, the same ones for every network; all by
            default.
        calibration: Number of training batches to estimate statistics on.

    Raises:
        ValueError: If there are too few places, or no such span, batches, calibration, statistics or images.
    """

    number: int = 29
    span: tuple[float, float] = (-0.2, 1.2)
    statistics: Sequence[Statistics] = ("batch",)
    images: Sequence[Images] = ("train",)

    def rows(self, lineage: Lineage) -> list[Row]:
        """A row for each network beside a solution, its end and then its start, and each way to evaluate."""
        compared = [
            (network, solution)
            for network in (*lineage.networks[1:], *lineage.controls)
            if (solution := lineage.solution(network.row["round"])) is not None and network != solution
        ]
        if not compared:
            return []
        ways, found = self.ways(lineage), list[Row]()
        solutions = {solution.folder: solution for _, solution in compared}
        ends = {folder: state_of(solution) for folder, solution in solutions.items()}  # each read once
        for network, solution in compared:
            there = ends[solution.folder]
            about = {name: network.row[name] for name in ("arm", "round", "density", "folder")}
            about |= {"density_of_solution": solution.row["density"]}
            for at, state in _states(network, there):
                found += [{**lineage.labels, **about, "at": at, **way.line(state, there)} for way in ways]
        return found

    def curves(self, rows: Sequence[Row]) -> tuple[str, dict[str, list[tuple[float, float]]]]:
        """The loss along every line, by the first of the ways."""
        found = {}
        for row in self.of_first(rows):
            places = zip(row["alphas"], row["loss"], strict=True)
            label = named(row, row["arm"], f"round {row['round']}", f"from its {row['at']}")
            found[f"loss/{label}"] = [(place, value) for place, value in places if value is not None]
        return "alpha", found

    @property
    def nothing(self) -> str:
        """What makes solutions."""
        return "no network was pruned in training, so there is no solution: run the experiment PruningInTraining"

    def sentence(self, rows: Sequence[Row]) -> str:
        """The mean barriers at the end of training."""
        own = [row for row in self.of_first(rows) if row["at"] == "end"]
        arms = dict.fromkeys(row["arm"] for row in own)
        means = {arm: fmean(row["loss_barrier"] for row in own if row["arm"] == arm) for arm in arms}
        told = ", ".join(f"{mean:.3f} for '{arm}'" for arm, mean in means.items())
        return f"the loss barrier between trained networks and the pruning solution is {told} ({self.how})"


def _states(network: Result, solution: Mapping[str, Tensor]) -> Iterator[tuple[str, Mapping[str, Tensor]]]:
    """The end of a network's training, and its start if it is on file; not of a network of another shape."""
    end = state_of(network)
    if all(name in end and end[name].shape == tensor.shape for name, tensor in solution.items()):
        yield "end", end
        if (start := start_of(network)) is not None:
            yield "start", start
