"""A step recorded once as a CUDA graph, so that the host only starts it."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .replicas import Outcome

Step = Callable[[Tensor, Tensor], Outcome]
WARM_UPS = 3


class Captured:
    """Replays a step on whatever values its images, labels and tensors have by then.

    What it returns lies where that of the step before lay.

    Args:
        step: Images and labels -> outcome, by tensors that stay in their place.
        images: Of the shape of all steps, on a GPU.
        labels: Of the shape of all steps.
        moved: What a step changes, such as batch norm's statistics; recording leaves it as it is.
    """

    def __init__(self, step: Step, images: Tensor, labels: Tensor, moved: Sequence[Tensor]) -> None:
        self.images, self.labels = images.clone(), labels.clone()
        before = [tensor.clone() for tensor in moved]
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):  # libraries allocate and choose their algorithms in the first calls
            for _ in range(WARM_UPS):
                step(self.images, self.labels)
        torch.cuda.current_stream().wait_stream(aside)
        for tensor, value in zip(moved, before, strict=True):
            tensor.copy_(value)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            self._outcome = step(self.images, self.labels)

    def __call__(self, images: Tensor, labels: Tensor) -> Outcome:
        """One step."""
        self.images.copy_(images)
        self.labels.copy_(labels)
        self._graph.replay()
        return self._outcome
