"""A Trainer whose process is a training of its own, whatever started it."""

from typing import Any

from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch import Trainer
from lightning.pytorch.trainer.connectors.checkpoint_connector import _CheckpointConnector
from lightning.pytorch.trainer.connectors.signal_connector import _SignalConnector

from ..preemption import heard


def alone(arguments: dict[str, Any]) -> Trainer:
    """A Trainer that takes no other process for a part of its training.

    Under SLURM, Lightning would wish as many devices as the job has tasks, take the tasks for ranks of one training,
    resume from any hpc_ckpt in a folder, and requeue the job on its own account.

    Args:
        arguments: The Trainer's; a cluster environment among its plugins stays.
    """
    plugins = arguments.get("plugins")
    listed = [] if plugins is None else list(plugins) if isinstance(plugins, list | tuple) else [plugins]
    if not any(isinstance(each, ClusterEnvironment) for each in listed):
        listed.append(LightningEnvironment())
        rank_zero_only.rank = 0  # type: ignore[attr-defined]  # taken from SLURM_PROCID when it was imported, and loggers of other ranks log nothing
    trainer = Trainer(**{**arguments, "plugins": listed})
    trainer._checkpoint_connector = NoOthers(trainer)
    if heard():
        trainer._signal_connector = NoSignals(trainer)
    return trainer


class NoOthers(_CheckpointConnector):
    """Resumes from what it is told to; on its own account Lightning resumes from an hpc_ckpt, whoever wrote it."""

    def _parse_ckpt_path(self, state_fn: Any, ckpt_path: Any, model_provided: bool, model_connected: bool) -> Any:
        if ckpt_path is None and model_provided:
            return None
        return super()._parse_ckpt_path(state_fn, ckpt_path, model_provided, model_connected)


class NoSignals(_SignalConnector):
    """Leaves signals to us: on SIGTERM, Lightning would leave a validation without saving the epoch before it."""

    def register_signal_handlers(self) -> None:
        """Only note what `teardown` sets again."""
        self.received_sigterm = False
        self._original_handlers = self._get_current_signal_handlers()
