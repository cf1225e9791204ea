"""`lth bench`: what a training step costs here, and where its time goes."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, cast

import torch
from lightning.pytorch import Trainer
from rich.console import Console
from rich.table import Table

from .analysis.latency import median_interval, processor
from .arguments import Arguments
from .experiments import Built
from .experiments.trainer import quiet_trainer
from .failures import UsageError
from .floor import floor_of
from .mistakes import usage_errors
from .stepping import WARM, Make, at_once, by_hand, evaluating, loading, through
from .training import Classifier, Seeds
from .training.devices import default_threads

TURN_SECONDS, MOST_STEPS = 2.0, 500
HAND, FIT, MASKED, LOADER = "by hand", "lth", "lth, half of the weights pruned", "loader alone"


def bench(args: list[str]) -> None:
    """`lth bench`: time the steps of a configuration each way, in turns, and print what was found."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    with tempfile.TemporaryDirectory() as name, usage_errors("bench"):
        arguments, folder = Arguments("bench", args), Path(name)
        turns, counts = arguments.config.turns, arguments.config.at_once
        if turns < 1:
            raise UsageError(f"turns is {turns}: time each way once or more")
        if any(count < 1 for count in counts):
            raise UsageError(f"at_once is {counts}: give numbers of trainings, each 1 or more, such as [2,4]")
        make: Make = partial(arguments.build, Seeds.of(0), 0)
        built = make()
        if not isinstance(built.module, Classifier):
            raise UsageError(f"{type(built.module).__name__} is no Classifier, the module whose step is known by hand")
        torch.set_num_threads(default_threads(built.module))
        built.data.prepare_data()
        trainer = quiet_trainer(built.trainer, folder, [], 0)
        device, loader = trainer.strategy.root_device, cast(Any, built.data.train_dataloader())
        batches, batch = len(loader), len(next(iter(loader))[1])
        if batches < WARM + 2:
            raise UsageError(f"an epoch has {batches} batches, too few to time: give more images or smaller batches")
        steps = WARM + max(1, min(batches - WARM, MOST_STEPS, round(TURN_SECONDS / by_hand(make(), folder, WARM + 2))))
        ways = {
            HAND: lambda: by_hand(make(), folder, steps),
            FIT: lambda: through(make(), folder, steps).seconds,
            MASKED: lambda: through(make(), folder, steps, sparse=True).seconds,
            LOADER: lambda: batch * loading(make(), folder, steps),
        }
        for count in counts or ([2] if device.type == "cpu" else [1, 2, 4, 8, 16]):
            ways[f"{count} such at once, each"] = partial(at_once, make, folder, steps, count)
        console.print(_what(built, trainer, batch, steps - WARM, turns))
        times = _timed(ways, turns)
        console.print(_table(times, batch))
        console.print(f"of a masked step: {shares_of(times)}")
        for line in _rest(make, trainer, folder, batch, steps, {name: median(each) for name, each in times.items()}):
            console.print(line)


def _timed(ways: Mapping[str, Callable[[], float]], turns: int) -> dict[str, list[float]]:
    """Each way once in every turn; who is first changes. One that memory does not do for is left out."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(turns):
        for name in list(ways)[:: -1 if turn % 2 else 1]:
            with suppress(torch.OutOfMemoryError):
                times[name].append(ways[name]())
    return {name: found for name, found in times.items() if len(found) == turns}


def _what(built: Built, trainer: Trainer, batch: int, steps: int, turns: int) -> str:
    size = sum(parameter.numel() for parameter in built.module.parameters())
    device = trainer.strategy.root_device
    threads = f", {torch.get_num_threads()} threads" if device.type == "cpu" else ""
    net = f"{type(built.module.net).__name__} of {size:,} parameters, batches of {batch}"
    where = f"{trainer.precision}, {processor(device)}{threads}, torch {torch.__version__}"
    return f"{net}, {where}; {steps} steps in each of {turns} turns, of which medians are given"


def _table(times: Mapping[str, Sequence[float]], batch: int) -> Table:
    table = Table("", "ms a step", "images/s", f"x {HAND}", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, found in times.items():
        ratios = [one / other for one, other in zip(found, times[HAND], strict=True)]
        table.add_row(name, f"{median(found) * 1e3:.3f}", f"{batch / median(found):,.0f}", _middle(ratios, ".3f"))
    return table


def shares_of(times: Mapping[str, Sequence[float]]) -> str:
    """What adds to a masked step, each turn for itself: from one to the next the machine may be much slower.

    Args:
        times: Way -> seconds of a step in each turn.
    """
    turns = zip(*(times[name] for name in (HAND, FIT, MASKED, LOADER)), strict=True)
    found = [((fit - hand) / whole, (whole - fit) / whole, data / whole) for hand, fit, whole, data in turns]
    named = zip(("framework", "mask", "data"), zip(*found, strict=True), strict=True)
    return ", ".join(f"{name} {_middle(shares, '.1%')}" for name, shares in named)


def _middle(values: Sequence[float], form: str) -> str:
    """The median, with its interval where there are enough values for one."""
    ends = median_interval(values)
    return f"{median(values):{form}}" + (f" ({ends[0]:{form}} to {ends[1]:{form}})" if ends else "")


def _rest(
    make: Make, trainer: Trainer, folder: Path, batch: int, steps: int, times: Mapping[str, float]
) -> Iterator[str]:
    """Sentences on evaluation, compilation and the floor."""
    whole, device = times[MASKED], trainer.strategy.root_device
    built = make()
    seconds, images = evaluating(built, folder)
    epoch = whole * len(cast(Any, built.data.train_dataloader()))
    share = f"{images / seconds:,.0f} images/s, {seconds / (seconds + epoch):.1%} of an epoch's time"
    yield f"evaluation: {share if images else 'no images are held out'}"
    dtype = torch.bfloat16 if "bf16" in str(trainer.precision) else torch.float32
    floor = floor_of(built.module.net, built.shape, batch, device, dtype)  # type: ignore[arg-type]
    yield (
        f"floor of a step: {floor.seconds * 1e3:.3f} ms, the larger of {floor.operations / 1e9:,.1f} G operations at "
        f"{floor.per_second / 1e9:,.0f} G/s and {floor.bytes / 1e6:,.0f} MB at {floor.bandwidth / 1e9:,.1f} GB/s, both "
        f"as measured here: {HAND} is at {floor.seconds / times[HAND]:.1%} of it, lth at {floor.seconds / whole:.1%}"
    )
    if device.type == "cuda":
        built.module.compile_net = True  # type: ignore[assignment]
        compiled = through(built, folder, steps, sparse=True)
        yield (
            f"compiled: {compiled.seconds * 1e3:.3f} ms a step, {compiled.seconds / times[HAND]:.3f} x {HAND}, after "
            f"{compiled.first - compiled.seconds:.1f} s for the first step of an experiment"
        )
