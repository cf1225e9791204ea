"""Where a loader is in its epochs, for Lightning to set and to keep."""


class Loader:
    """Counts the batches of an epoch, so that a training that resumes at (epoch, batch) continues there.

    Lightning drives it by `sampler.set_epoch` before each epoch and by `state_dict`/`load_state_dict` in checkpoints.

    Args:
        count: Number of images.
        batch_size: Images per batch.
        drop_last: Leave out a last batch that is not full.

    Attributes:
        samples: Number of images in an epoch.

    Raises:
        ValueError: The batch size leaves no batch.
    """

    batch_sampler = None  # Lightning looks for it wherever there is a sampler

    def __init__(self, count: int, batch_size: int, drop_last: bool) -> None:
        self.samples = count if not drop_last else count // batch_size * batch_size
        if self.samples == 0:
            raise ValueError(
                f"batches of {batch_size} leave no full batch of {count} images: take a smaller batch_size or "
                "drop_last=False"
            )
        self.batch_size = batch_size
        self._epoch = 0
        self._yielded = 0
        self._resume_at = 0

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
