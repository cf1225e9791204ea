"""Are pruned networks faster, in the forms in which they could be deployed?"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, cast, get_args

import torch

from ..analysis import latency, processor
from ..experiments import Result
from ..report.latency_words import latency_sentence, where
from .base import Analysis, Lineage, Row, named, state_of
from .forms import Deployable, Form, Kind


@dataclass(frozen=True, kw_only=True)
class Latency(Analysis):
    """How long a forward pass takes beside the dense network's, measured in turns on this machine, and beside theory.

    A mask alone leaves all zeros to multiply by. So each network is timed in up to three forms: 'masked', the dense
    tensors with zeros, as trained; 'slim', without the channels that nothing reads, if there are any (structured
    pruning, such as Ye et al., 2020, arXiv:2010.15969); and 'csr', in which torch's sparse products multiply by kept
    weights only, where some of what is left is pruned. Forms that do not compute the same are an error.

    Networks of other seeds have the same shapes, so by default those of the first one are timed. The weights' precision
    is float32 whatever training's, their memory format torch's usual one, and images are noise.

    Args:
        batches: How many images at once, one number or several.
        forms: Which forms to time: 'masked', 'slim' and 'csr'.
        devices: Where, such as 'cpu' and 'cuda'; by default on the CPU, and on the GPU if there is one.
        cpu_threads: How many threads the CPU computes with; by default as many as for training.
        seconds: How long to time a form at each number of images, about. Networks whose pass takes seconds take longer.
        seeds: Of how many seeds.

    Raises:
        ValueError: If there is no such form, or a number is not above 0.
    """

    batches: tuple[int, ...] = (1, 64)
    forms: tuple[Kind, ...] = get_args(Kind)
    devices: tuple[str, ...] = ()
    cpu_threads: int | None = None
    seconds: float = 0.3
    seeds: int = 1

    def __post_init__(self) -> None:
        if not {*self.forms} <= {*get_args(Kind)}:
            raise ValueError(f"forms are some of {', '.join(get_args(Kind))}, not {', '.join(self.forms)}")
        least = min((*self.batches, self.seeds, 1 if self.cpu_threads is None else self.cpu_threads))
        if not self.batches or least < 1 or self.seconds <= 0:
            raise ValueError(
                f"latency is timed with batches {list(self.batches)}, {self.seeds} seeds, {self.cpu_threads} threads, "
                f"and for {self.seconds} seconds: give one batch or more, and numbers above 0"
            )

    def rows(self, lineage: Lineage) -> list[Row]:
        """None: seeds are looked at together."""
        return []

    def across(self, lineages: Sequence[Lineage]) -> list[Row]:
        """A row for each network, form, device and number of images, the dense network first, beside itself.

        `latency` and `latency_dense` are medians in seconds, `ratio` the median of the one divided by the other in a
        turn, and `low` and `high` its 95 % interval, None where there were too few `turns`. `parameters` and `flops`
        are those that the form holds and carries out for an image, `parameters_ratio` and `flops_ratio` as shares of
        the dense network's; `theory` is what multiplying by kept weights only would take of its operations.
        """
        with _threads(self.cpu_threads):
            return [row for lineage in lineages[: self.seeds] for row in self._of(lineage)]

    def _of(self, lineage: Lineage) -> Iterator[Row]:
        if not lineage.networks:
            return
        built = lineage.build()
        net, data = built.module.cpu().float(), cast("Any", built.data)
        shapes = {name: value.shape for name, value in net.state_dict().items()}
        first, about = lineage.networks[0], {"arm": "dense", "round": 0, "density": 1.0}
        if first.mask.density == 1:  # else the only training was sparse; values do not matter here
            net.load_state_dict(state_of(first))
            about = _about(first)
        dense = Deployable(deepcopy(net), first.mask, data.input_shape).whole("dense")
        beside = _Beside(self, dense, data.input_shape)
        yield from beside.rows({**lineage.labels, **about, "theory": 1.0}, dense)
        for network in (*lineage.networks, *lineage.controls):
            state = state_of(network)
            if network.mask.density == 1 or {name: value.shape for name, value in state.items()} != shapes:
                continue
            net.load_state_dict(state)
            pruned = Deployable(net, network.mask, data.input_shape)
            labels = {**lineage.labels, **_about(network), "theory": pruned.promised}
            for form in pruned.forms(self.forms):
                yield from beside.rows(labels, form)

    def curves(self, rows: Sequence[Row]) -> tuple[str, dict[str, list[tuple[float, float]]]]:
        """The ratio to the dense network's latency of each form and number of images, and in theory, by density."""
        found: dict[str, dict[float, float]] = {}
        for row in rows:
            for what, value in ((f"{row['form']} {where(row)}", row["ratio"]), ("theory", row["theory"])):
                if row["form"] != "dense":
                    own = found.setdefault(f"latency/{named(row, row['arm'], what)}", {})
                    own[row["density"]] = value
        return "density", {label: sorted(own.items()) for label, own in found.items()}

    def sentence(self, rows: Sequence[Row]) -> str:
        """How long the sparsest network takes in each form."""
        return latency_sentence(rows)

    @property
    def nothing(self) -> str:
        """What there has to be."""
        return "there is no network to time yet: wait for the first training"

    def tried(self) -> "Latency":
        """One number of images, for a moment."""
        return replace(self, batches=self.batches[:1], seconds=min(self.seconds, 0.02))


class _Beside:
    """Times networks beside the dense one."""

    def __init__(self, asked: Latency, dense: Form, shape: Sequence[int]) -> None:
        self.asked, self.dense, self.shape = asked, dense, shape
        self.devices = asked.devices or ("cpu", *(["cuda"] if torch.cuda.is_available() else []))

    def rows(self, labels: Row, form: Form) -> Iterator[Row]:
        """The rows of a form of a network."""
        sizes = {
            "form": form.name,
            "parameters": form.parameters,
            "parameters_ratio": form.parameters / self.dense.parameters,
            "flops": form.flops,
            "flops_ratio": form.flops / self.dense.flops,
        }
        for device in self.devices:
            net, dense = (each.net if device == "cpu" else deepcopy(each.net).to(device) for each in (form, self.dense))
            place = {"device": device, "processor": processor(torch.device(device)), "threads": torch.get_num_threads()}
            for batch in self.asked.batches:
                found = latency(net, dense, self.shape, batch, self.asked.seconds)
                timing = {"latency": found.seconds, "latency_dense": found.beside, "ratio": found.ratio}
                interval = {"low": found.low, "high": found.high, "turns": found.turns}
                yield {**labels, **sizes, **place, "batch": batch, **timing, **interval}


def _about(network: Result) -> Row:
    return {name: network.row[name] for name in ("arm", "round", "density", "folder")}


@contextmanager
def _threads(number: int | None) -> Iterator[None]:
    """In here torch computes with so many threads; as it did before, afterwards and if it is None."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(before if number is None else number)
        yield
    finally:
        torch.set_num_threads(before)
