"""What analyses look at, and what they are."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..experiments import Built, Result
from ..experiments.grid import Point
from ..preemption import stop_if_asked
from ..sparsity.spelling import underscored
from ..training import load

Row = dict[str, Any]


def state_of(network: Result) -> dict[str, Tensor]:
    """The whole state of a trained network, on the CPU.

    Raises:
        StoppedError: If a signal asks to stop: an analysis goes from network to network, and is written at its end.
    """
    stop_if_asked()
    return dict(load(network.trained)["state_dict"])


def weights_of(network: Result) -> dict[str, Tensor]:
    """The prunable weights of a trained network."""
    state = state_of(network)
    return {name: state[name] for name in network.mask}


def start_of(network: Result) -> dict[str, Tensor] | None:
    """The whole state that its training started with, on the CPU; None where it was not kept."""
    path = next((path for path in (network.folder / "start.ckpt", network.kept("0it")) if path.exists()), None)
    return None if path is None else dict(load(path)["state_dict"])


@dataclass(frozen=True)
class Lineage:
    """A dense network and its tickets, in the order of their rounds: one seed, and of a study one method and point.

    Args:
        labels: Columns that all its rows share: `seed`, and of a study `point` and `method`, if it is of one.
        networks: The dense network first; none of a method that makes copies only.
        controls: Networks of the same shape beside its tickets.
        copies: Sets of networks that differ in SGD noise only.
        precision: The context in which they were evaluated when they were trained.
        build: A fresh set of module, data module and Trainer arguments, initialised as the dense network was, or by
            the seed that it is given.
    """

    labels: Mapping[str, Any]
    networks: Sequence[Result]
    build: Callable[..., Built]
    controls: Sequence[Result] = ()
    copies: Sequence[Sequence[Result]] = ()
    precision: Callable[[], AbstractContextManager[None]] = nullcontext

    def solution(self, round: int) -> Result | None:
        """The network that was pruned in training, of which the tickets of a round have their mask, if any."""
        return next((each for each in self.controls if (each.row["arm"], each.row["round"]) == ("pruned", round)), None)

    @property
    def setting(self) -> str:
        """Of a study the method and the point of the grid, such as 'imp lr-0.1'."""
        return setting_of(self.labels)

    def initial(self) -> dict[str, Tensor]:
        """The prunable weights before training."""
        state = self.build().module.state_dict()
        return {name: state[name] for name in self.networks[0].mask}


def setting_of(row: Mapping[str, Any]) -> str:
    """Method and point of the grid that a row is of, such as 'imp lr-0.1'; empty if it is of no study."""
    point = row.get("point") or {}
    return " ".join(filter(None, [row.get("method"), Point(point, {}).name if point else ""]))


def named(row: Row, *others: Any) -> str:
    """A label of a row's curve: its setting and seed, and what else tells it apart."""
    return " ".join(filter(None, [setting_of(row), f"seed {row['seed']}", *map(str, others)]))


class Analysis(ABC):
    """Looks at the networks of an experiment after the fact, as often as one likes; none of them is changed."""

    @abstractmethod
    def rows(self, lineage: Lineage) -> list[Row]:
        """What there is to say of a lineage, as rows of plain values; those about one training have its `folder`.

        Args:
            lineage: A dense network and its tickets.
        """

    def across(self, lineages: Sequence[Lineage]) -> list[Row]:
        """What there is to say of all seeds of a setting together; nothing by default.

        Args:
            lineages: Of one setting, by seed.
        """
        return []

    @abstractmethod
    def sentence(self, rows: Sequence[Row]) -> str:
        """The rows of all lineages of a setting in a sentence, without its full stop.

        Args:
            rows: At least one.
        """

    def curves(self, rows: Sequence[Row]) -> tuple[str, dict[str, list[tuple[float, float]]]]:
        """What W&B draws of the rows: against which axis, and label -> places and values; none by default.

        Args:
            rows: Of all lineages.
        """
        return "", {}

    def tried(self) -> "Analysis":
        """Itself, or the same with less to evaluate, for a trial."""
        return self

    @property
    def nothing(self) -> str:
        """Why there is no row, where there is none, as a sentence without its full stop."""
        return "there are no networks to compare yet: wait for the first ticket"

    @property
    def name(self) -> str:
        """What its file is called.

        Example:
            >>> from lth_lightning.analyses import BetweenRounds
            >>> BetweenRounds().name
            'between_rounds'
        """
        return underscored(type(self))
