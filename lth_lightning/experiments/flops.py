"""The part of a row that says what a training, and its network, would cost if only kept weights were multiplied."""

from math import ceil
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.utilities.model_helpers import is_overridden

from ..sparsity.flops import forward_flops, layer_flops, scoring_flops, training_flops
from ..training import Sparsify
from .base import Built


def flops(trainer: Trainer, built: Built, sparsify: Sparsify, end: int) -> dict[str, Any]:
    """Operations of a forward pass of an image, and of the whole training, sparse and dense.

    Those of validation, and of whatever callbacks compute besides, are left out.

    Args:
        trainer: Of the training, which says how many batches are in an epoch and in a step.
        built: What was trained; its data module tells the `input_shape`, and its loader how many images are in an
            epoch, or nothing is said.
        sparsify: The pruning callback, with the history of its mask.
        end: The number of steps after which training ended.
    """
    shape, images = built.shape, _images_in_a_step(trainer, built)
    if shape is None or images is None or not is_overridden("forward", built.module):
        return {}
    if sparsify.mask is None or not sparsify.history:  # resumed from a checkpoint of a version that kept none
        return {}
    layers = layer_flops(built.module, shape)
    sizes = {name: size for name, (_, size) in sparsify.mask.layers().items()}
    dense, now = sum(layers.values()), sparsify.history[-1][1]
    looked = sparsify.dense_gradients if sparsify.policy.moves_before else 0  # at the gradients of a step's own batch
    training = images * training_flops(layers, sizes, sparsify.history, end, looked)
    training += sparsify.images * scoring_flops(layers, sizes, sparsify.history, end)
    return {
        "flops_inference": forward_flops(layers, sizes, now),
        "flops_inference_dense": dense,
        "flops_training": training,
        "flops_training_dense": images * 3 * dense * (end - sparsify.history[0][0]),
    }


def _images_in_a_step(trainer: Trainer, built: Built) -> float | None:
    """The mean over an epoch, whose last batch may be smaller."""
    loader: Any = built.data.train_dataloader()
    if not hasattr(loader, "samples"):
        return None
    limit = trainer.limit_train_batches
    batches = min(len(loader), limit if isinstance(limit, int) else int(limit * len(loader)))
    images: int = min(batches * loader.batch_size, loader.samples)
    return images / ceil(batches / trainer.accumulate_grad_batches)
