"""The rest of a network: what follows a layer, run again and again on what came before it once."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn

from .groups import Group


class Rest:
    """A network's output on one batch while only what reads a group's channels, and what follows, may change.

    The first call runs the whole network and keeps what the modules gave that ended before the first reader began; in
    later calls these give it again and do not run. So outputs are those of the whole network, bit for bit. Where a
    network writes into what was kept, each call runs all of it.

    Args:
        net: The network, in mode eval whenever it is called; its weights before the readers stay as they are.
        group: The channels.
        images: (B, ...), on the network's device.
    """

    def __init__(self, net: nn.Module, group: Group, images: Tensor) -> None:
        self.net, self.images = net, images
        self._readers = {net.get_submodule(name) for name in (group.consumer, *group.gates)}
        self._kept: Mapping[nn.Module, Tensor | None] | None = None

    def __call__(self) -> Tensor:
        """The logits."""
        if self._kept is None:
            return self._first()
        before = _versions(self._kept)
        with _giving(self._kept):
            found = self._run()
        if _versions(self._kept) == before:
            return found
        self._kept = {}
        return self._run()

    def _run(self) -> Tensor:
        found: Tensor = self.net(self.images)
        return found

    def _first(self) -> Tensor:
        seen = _Seen()
        with ExitStack() as hooks:
            for module in self.net.modules():
                begins = seen.reached if module in self._readers else seen.begun
                for hook in (module.register_forward_pre_hook(begins), module.register_forward_hook(seen.ended)):
                    hooks.callback(hook.remove)
            found = self._run()
        self._kept = seen.kept()
        return found


class _Seen:
    """Which modules ended before a reader began, and what they gave: within others that ended, the others only."""

    def __init__(self) -> None:
        self.runs: Counter[nn.Module] = Counter()
        self.open: list[tuple[nn.Module, dict[nn.Module, Tensor]]] = []
        self.before: list[tuple[nn.Module, dict[nn.Module, Tensor]]] = []  # as it is open when the first reader begins

    def reached(self, module: nn.Module, inputs: Any) -> None:
        """A reader begins."""
        self.before = self.before or list(self.open)
        self.begun(module, inputs)

    def begun(self, module: nn.Module, inputs: Any) -> None:
        """A module begins."""
        self.runs[module] += 1
        self.open.append((module, {}))

    def ended(self, module: nn.Module, inputs: Any, output: Any) -> None:
        """It ends, in whatever began before it."""
        _, within = self.open.pop()
        if self.open and not self.before:
            self.open[-1][1].update({module: output.detach()} if isinstance(output, Tensor) else within)

    def kept(self) -> dict[nn.Module, Tensor | None]:
        """What each module gives from now on; None for what goes into it, as what follows in a chain is kept."""
        kept: dict[nn.Module, Tensor | None] = {}
        for parent, given in self.before:
            once = {module: value for module, value in given.items() if self.runs[module] == 1}
            chain = type(parent) is nn.Sequential and list(once) == list(parent)[: len(once)]
            last = next(reversed(once), None)
            kept |= {module: None if chain and module is not last else value for module, value in once.items()}
        return kept


def _versions(kept: Mapping[nn.Module, Tensor | None]) -> list[int]:
    """How often each of the outputs that are kept was written into."""
    return [value._version for value in kept.values() if value is not None]


@contextmanager
def _giving(kept: Mapping[nn.Module, Tensor | None]) -> Iterator[None]:
    """In here modules give what was kept, and do not run."""
    own = {module: vars(module).get("forward") for module in kept}
    try:
        for module, value in kept.items():
            module.forward = partial(_given, value)
        yield
    finally:
        for module, forward in own.items():
            vars(module).pop("forward", None)
            if forward is not None:
                module.forward = forward


def _given(value: Tensor | None, *inputs: Any, **named: Any) -> Any:
    return inputs[0] if value is None else value
