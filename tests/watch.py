"""A callback that looks for pruned weights that are not zero."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from lth_lightning.training import Sparsify


class Watch(Callback):
    """Looks right after every step of an optimizer, and again at the end of every batch; overrides nothing else.

    Args:
        kept: How many weights the mask should keep.
    """

    def __init__(self, kept: int) -> None:
        self.kept = kept
        self.looks = self.states = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for optimizer in trainer.optimizers:
            optimizer.register_step_post_hook(lambda *_: self.look(trainer, pl_module))

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        self.look(trainer, pl_module)

    def look(self, trainer: Trainer, module: LightningModule) -> None:
        (sparsify,) = (callback for callback in trainer.callbacks if isinstance(callback, Sparsify))
        assert sparsify.mask.kept == self.kept
        self.states = 0
        for name, kept in sparsify.mask.items():
            weight = module.get_parameter(name)
            assert weight[~kept].count_nonzero() == 0, name
            for key, value in trainer.optimizers[0].state[weight].items():
                if value is not None and value.shape == weight.shape:
                    assert value[~kept].count_nonzero() == 0, (name, key)
                    self.states += 1
        self.looks += 1
