"""Where a loader is in its epochs, for Lightning to set and to keep, and which part of a batch is this process's."""

import torch
import torch.distributed as dist
from torch import Tensor

from lth_lightning.data.draws import generator


class Loader:
    """Counts the batches of an epoch, so that a training that resumes at (epoch, batch) continues there.

    Lightning drives it by `sampler.set_epoch` before each epoch and by `state_dict`/`load_state_dict` in checkpoints.

    In a process of a `torch.distributed` group it yields this process's share of each batch.

    Args:
        count: Number of images.
        batch_size: Images per batch, of all processes together.
        drop_last: Leave out a last batch that is not full.
        order_seed: Seed of the order; None keeps the images in the order given.

    Attributes:
        count: Number of images.
        samples: Number of images in an epoch.

    Raises:
        ValueError: The batch size leaves no batch, or none that can be shared.
    """

    batch_sampler = None  # Lightning looks for it wherever there is a sampler

    def __init__(self, count: int, batch_size: int, drop_last: bool, order_seed: int | None) -> None:
        self.count = count
        self.samples = count if not drop_last else count // batch_size * batch_size
        if self.samples == 0:
            raise ValueError(
                f"batches of {batch_size} leave no full batch of {count} images: take a smaller batch_size or "
                "drop_last=False"
            )
        self.batch_size, self.order_seed = batch_size, order_seed
        self.divide(*own_place())
        self._epoch = 0
        self._yielded = 0
        self._resume_at = 0

    def divide(self, rank: int, ranks: int) -> None:
        """Yield one process's share of each batch from now on: every image of it whose place is `rank` modulo `ranks`.

        Args:
            rank: Number of the process.
            ranks: How many there are; 1 for whole batches.

        Raises:
            ValueError: The images cannot be shared.
        """
        if self.order_seed is None:  # to evaluate, where a batch may be of any size, and its last share empty
            self.batch_size = -(-self.batch_size // ranks) * ranks
        last = self.samples % self.batch_size if self.order_seed is not None else self.samples
        if self.batch_size % ranks or 0 < last < ranks:
            raise ValueError(
                f"{self.samples} images in batches of {self.batch_size} cannot be shared by {ranks} devices: take a "
                f"batch_size that is a multiple of {ranks}, and drop_last=True if the last batch has fewer images"
            )
        self.rank, self.ranks = rank, ranks

    def order(self) -> Tensor | None:
        """The images' numbers in the order of this epoch, (N,) int64; None for the order given."""
        if self.order_seed is None:
            return None
        return torch.randperm(self.count, generator=generator("order", self.order_seed, self._epoch))

    def begin(self) -> int:
        """The batch that an iteration begins with."""
        start, self._resume_at = self._resume_at, 0
        self._yielded = start
        return start

    @property
    def sampler(self) -> "Loader":
        """The object whose `set_epoch` Lightning calls before each epoch."""
        return self

    def __len__(self) -> int:
        return -(-self.samples // self.batch_size)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration; another epoch than the current one begins at its first batch.

        Args:
            epoch: Number of the epoch, from 0.
        """
        if epoch != self._epoch:
            self._epoch, self._yielded, self._resume_at = epoch, 0, 0

    def state_dict(self) -> dict[str, int]:
        """Where the loader is.

        Returns:
            `epoch`, and `batch`: how many batches of it have been yielded (0 when it is complete).
        """
        return {"epoch": self._epoch, "batch": self._yielded % len(self)}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Make the next iteration, if it is of the state's epoch, begin where the state was taken.

        Args:
            state: From `state_dict`.

        Raises:
            ValueError: The epoch has no such batch.
        """
        if not 0 <= state["batch"] < len(self):
            raise ValueError(
                f"the checkpoint stopped at batch {state['batch']} of an epoch, but this loader's epochs have "
                f"{len(self)} batches: resume with the data and the batch size that it was saved with"
            )
        self._epoch, self._yielded, self._resume_at = state["epoch"], state["batch"], state["batch"]


def own_place() -> tuple[int, int]:
    """The number of this process among those that train together, and how many they are: 0 and 1 if it is alone."""
    together = dist.is_available() and dist.is_initialized()
    return (dist.get_rank(), dist.get_world_size()) if together else (0, 1)
