"""How fast does a layer come near what it was, the more of its neurons are kept?"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import cycle, islice
from statistics import fmean
from typing import Any, cast

from torch import Tensor, nn

from ..analysis import decay
from ..analysis.forward import joined
from ..sparsity import mix
from ..sparsity.neurons import (
    Chosen,
    Gram,
    Group,
    Layer,
    Output,
    after,
    by_chance,
    by_norm,
    fixed_steps,
    forward_selection,
    groups,
    imitate,
    imitate_output,
    settled,
    spaced,
    uniform,
    within,
)
from ..sparsity.neurons.layer import Kind
from ..training.misfit import MisfitError
from ..training.sampling import first_images
from .base import Analysis, Lineage, Row, named, state_of

FLOOR = 1e-10  # of the mean square of what is imitated: below, a discrepancy of float32 activations is rounding
MEASURES: dict[str, Kind] = {"local": "layer", "output": "output"}  # and as what a layer tells them
MAIN = (("local", "greedy_local"), ("output", "greedy_global"), ("local", "fixed_steps"), ("local", "random"))
Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True, kw_only=True)
class Rate(Analysis):
    """The discrepancy of a layer, and of the network's output, against the number of neurons that are kept.

    Of the dense network, by each way to choose neurons; greedy imitation's is said to fall exponentially, forward
    selection's as 1 / n^2 and that of random neurons as 1 / n (Ye et al., 2020, arXiv:2010.15969). All coefficients
    are in the simplex: those of neurons chosen by their norm or at random are 1 / n, not 1 / N as filter pruning leaves
    them, since the law of random sampling is about means.

    Args:
        layers: Whose neurons, by the name of the layer that makes them, such as net.hidden1; null for the widest.
        images: How many training images, as they are, or all if there are fewer.
        images_global: On how many of these greedy global imitation searches; it is measured on all.
        most_global: How many steps greedy global imitation takes, and forward selection by the labels' loss: each
            takes many passes.
        draws: Of random neurons, of which the mean discrepancy is taken.
        places: At about how many numbers of neurons to look.
        up_to: Laws are fitted up to this share of the neurons: all of them are the layer, whatever the way.

    Raises:
        ValueError: If a number is below 1, or the share is outside (0, 1].
    """

    layers: tuple[str, ...] | None = None
    images: int = 512
    images_global: int = 128
    most_global: int = 32
    draws: int = 5
    places: int = 24
    up_to: float = 0.5

    def __post_init__(self) -> None:
        for name in ("images", "images_global", "most_global", "draws", "places"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: give 1 or more")
        if not 0 < self.up_to <= 1:
            raise ValueError(f"up_to is {self.up_to}: laws are fitted up to a share of the neurons in (0, 1], as 0.5")

    def rows(self, lineage: Lineage) -> list[Row]:
        """A row for each layer, way and number, with the discrepancies; and one for the laws of each.

        `number` is n: of neurons, or of steps for the ways that are called after these; `local` and `output` are shares
        of the mean square of what is imitated. Rows with `of` are laws fitted to one of the two.
        """
        if not lineage.networks:
            return []
        built = lineage.build()
        net, data = built.module, cast("Any", built.data)
        net.load_state_dict(state_of(lineage.networks[0]))
        place = next(net.parameters()).device
        batches = [(images.to(place), labels.to(place)) for images, labels in first_images(data, self.images)]
        seed, found = int(lineage.labels["seed"]), list[Row]()
        for group in self._chosen(net, data.input_shape):
            own = self._layer(net, group, batches, seed)
            about = {**lineage.labels, "layer": group.producer, "count": group.count}
            found += [{**about, **row} for row in [*own, *self._laws(own, group.count)]]
        return found

    def _chosen(self, net: nn.Module, shape: Sequence[int]) -> list[Group]:
        """The layers that are asked for."""
        there = {group.producer: group for group in groups(net, shape)[0]}
        if self.layers is None:
            return sorted(there.values(), key=lambda group: -group.count)[:1]
        if unknown := [name for name in self.layers if name not in there]:
            raise MisfitError(f"layers has {unknown[0]}, of which no neurons can be taken out: {', '.join(there)} can")
        return [there[name] for name in self.layers]

    def _layer(self, net: nn.Module, group: Group, batches: Sequence[Batch], seed: int) -> list[Row]:
        """The rows of a layer."""
        layer = Layer(net, group, list(joined(batches)))
        few = Layer(net, group, list(joined(_first(batches, self.images_global))))
        place = next(net.parameters()).device
        if not float(layer.gram.target.mean()) > 0:
            raise MisfitError(f"{group.producer} gives nothing but zeros on these images: leave it out of layers")
        found = []
        for way, choices in self._ways(layer, few.output, batches, seed):
            at: dict[int, list[Chosen]] = {}
            for each in choices:
                at.setdefault(each.number, []).append(each)
            for number, draws in at.items():
                told = {"way": way, "number": number, "neurons": draws[0].neurons, "steps": draws[0].steps}
                drawn = [each.coefficients.to(place) for each in draws]
                found.append(told | {of: fmean(layer.changes(a, kind) for a in drawn) for of, kind in MEASURES.items()})
        return found

    def _ways(
        self, layer: Layer, output: Output, batches: Sequence[Batch], seed: int
    ) -> Iterator[tuple[str, Iterator[Chosen]]]:
        """Ways to choose neurons, and what they choose at each number."""
        net, group = layer.net, layer.group
        gram = Gram(layer.gram.products.cpu())  # the many small steps on it are slow on a GPU
        numbers = spaced(group.count, self.places)
        norms = by_norm(net, group).to(gram.products)
        draws = [by_chance(group, mix("rate", seed, draw)).to(gram.products) for draw in range(self.draws)]
        labelled = forward_selection(net, group, cycle(batches), seed=seed)
        yield "greedy_local", (settled(gram, number) for number in numbers)
        yield "greedy_local_steps", after(imitate(gram), numbers)
        yield "greedy_global", within(islice(imitate_output(output), self.most_global), numbers)
        yield "fixed_steps", after(fixed_steps(gram), numbers)
        yield "forward_selection", after(islice(labelled, self.most_global), numbers)
        yield "l1", (Chosen(number, number, uniform(norms, number)) for number in numbers)
        yield "random", (Chosen(number, number, uniform(draw, number)) for number in numbers for draw in draws)

    def _laws(self, rows: Sequence[Row], count: int) -> Iterator[Row]:
        """The laws of each way and measure, null where there are too few points."""
        for way in dict.fromkeys(row["way"] for row in rows):
            own = [row for row in rows if row["way"] == way and row["number"] <= self.up_to * count]
            for of in MEASURES:
                law = decay([row["number"] for row in own], [row[of] for row in own], FLOOR)
                if law is not None:
                    yield {"way": way, "of": of, **asdict(law)}

    def tried(self) -> "Rate":
        """A few images, steps and numbers."""
        return replace(self, images=min(self.images, 32), images_global=16, most_global=2, draws=1, places=4)

    @property
    def nothing(self) -> str:
        """What has layers to look at."""
        return "there is no dense network with a layer whose neurons can be taken out: run the experiment Dense"

    def curves(self, rows: Sequence[Row]) -> tuple[str, dict[str, list[tuple[float, float]]]]:
        """Both discrepancies by number."""
        found: dict[str, list[tuple[float, float]]] = {}
        for row in rows:
            for of in MEASURES if "number" in row else ():
                label = f"discrepancy_{of}/{named(row, row['layer'], row['way'])}"
                found.setdefault(label, []).append((row["number"], row[of]))
        return "neurons", found

    def sentence(self, rows: Sequence[Row]) -> str:
        """The better law of the layer's discrepancy by local ways, and of the output's by greedy global imitation."""
        told = []
        for layer in dict.fromkeys(row["layer"] for row in rows):
            own = [row for row in rows if row["layer"] == layer]
            laws = [(row["of"], row["way"], row) for row in own if "of" in row]
            main = [_told(*each, [row for *which, row in laws if (*which,) == each]) for each in MAIN]
            known = ", ".join(filter(None, main)) or "no law that can be told from so few"
            told.append(f"in {layer} with {own[0]['count']} neurons by {known}")
        return f"the discrepancy against the number n of neurons is, {'; '.join(told)}"


def _told(of: str, way: str, laws: Sequence[Row]) -> str:
    """The law of a way that explains more, in the mean over seeds; nothing where none was fitted."""
    if not laws:
        return ""
    means = {name: fmean(row[name] for row in laws) for name in ("rate", "rate_r2", "power", "power_r2")}
    first, second = means["rate_r2"], means["power_r2"]
    law = f"exp({-means['rate']:.3g} n)" if first > second else f"n^{-means['power']:.2f}"
    what = " (output)" if of == "output" else ""
    return f"{way.replace('_', ' ')}{what} {law}, R2 {max(first, second):.2f} against {min(first, second):.2f}"


def _first(batches: Sequence[Batch], count: int) -> Iterator[Batch]:
    """The first so many images."""
    for images, labels in batches:
        if count <= 0:
            return
        yield images[:count], labels[:count]
        count -= len(labels)
