"""The classifier's numbers by hand: what a metric is the mean of, what a loss is, what compiling leaves alone."""

import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from foreign import Batches, trainer
from lightning.pytorch import Callback, Trainer
from torch import Tensor, nn, optim
from torch.nn.functional import cross_entropy

from lth_lightning.sparsity import generator
from lth_lightning.training import Classifier, Cosine, KeepCheckpoint, LastCheckpoint, Seeds, SeedSteps
from lth_lightning.training.devices import default_channels_last


class Logits:
    """Batches whose images are the logits, for a network that hands them through."""

    def __init__(self, logits: Tensor, labels: Tensor, size: int) -> None:
        self.batches = list(zip(logits.split(size), labels.split(size), strict=True))

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.batches)


SGD = partial(optim.SGD, lr=0.1)


def linear(optimizer: Any = SGD, **options: Any) -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3))
    return Classifier(net, optimizer, **options)


@pytest.mark.parametrize(("samples", "size"), [(10_000, 128), (100, 32), (7, 7), (5, 1), (129, 128)])
def test_metrics_are_sums_over_all_samples_divided_by_their_number(samples: int, size: int) -> None:
    labels = torch.randint(0, 10, (samples,), generator=generator("labels"))
    wrong = torch.arange(samples) >= samples - max(1, samples // 10)  # all in the last batches, the short one too
    logits = 5 * torch.eye(10)[(labels + wrong) % 10]
    module = Classifier(nn.Flatten())
    batches = Logits(logits, labels, size)
    (validated,) = trainer().validate(module, batches, verbose=False)
    (tested,) = trainer().test(module, batches, verbose=False)
    accuracy = 1 - int(wrong.sum()) / samples
    loss = cross_entropy(logits.double(), labels).item()
    assert validated == pytest.approx({"val_accuracy": accuracy, "val_loss": loss}, rel=1e-6)
    assert tested == pytest.approx({"test_accuracy": accuracy, "test_loss": loss}, rel=1e-6)


def test_training_metrics_are_those_of_the_networks_that_the_batches_met() -> None:
    class ByHand(Callback):
        """Evaluates each batch with the weights that the step starts from."""

        loss = hits = 0.0

        def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
            logits = pl_module.net(batch[0]).detach()
            self.loss += cross_entropy(logits, batch[1], reduction="sum").item()
            self.hits += int((logits.argmax(1) == batch[1]).sum())

    images = torch.randn(70, 1, 4, 4, generator=generator("images"))
    labels = torch.randint(0, 3, (70,), generator=generator("labels"))
    by_hand, made = ByHand(), linear()
    training = trainer(by_hand, max_epochs=1)
    training.fit(made, Logits(images, labels, 16), Batches(1))
    assert training.callback_metrics["train_accuracy"].item() == pytest.approx(by_hand.hits / 70)
    assert training.callback_metrics["train_loss"].item() == pytest.approx(by_hand.loss / 70, rel=1e-6)


def test_every_epoch_begins_with_empty_sums() -> None:
    still = linear(partial(optim.SGD, lr=0.0))
    training = trainer(max_epochs=3)
    training.fit(still, Batches(), Batches(2))
    (again,) = trainer().validate(still, Batches(2), verbose=False)
    for name, value in again.items():
        assert training.callback_metrics[name].item() == pytest.approx(value, rel=1e-6)
    (on_training,) = trainer().validate(still, Batches(), verbose=False)
    assert training.callback_metrics["train_loss"].item() == pytest.approx(on_training["val_loss"], rel=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_the_training_loss_is_cross_entropy_with_smoothed_labels(smoothing: float) -> None:
    module = Classifier(nn.Flatten(), label_smoothing=smoothing)
    logits = torch.tensor([[2.0, 0.0, -1.0], [0.0, 1.0, 0.5]])
    labels = torch.tensor([0, 2])
    total = 0.0
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        log_sum = math.log(sum(math.exp(value) for value in row))
        for place, value in enumerate(row):
            total -= ((1 - smoothing) * (place == label) + smoothing / 3) * (value - log_sum)
    assert module.training_step((logits, labels), 0).item() == pytest.approx(total / 2, rel=1e-6)


def test_smoothed_labels_are_for_training_only() -> None:
    module = linear(label_smoothing=0.3)
    (metrics,) = trainer().validate(module, Batches(1), verbose=False)
    images, labels = next(iter(Batches(1)))
    assert metrics["val_loss"] == pytest.approx(cross_entropy(module(images), labels).item(), rel=1e-6)


def test_the_test_accuracy_is_that_of_the_checkpoint_read_again(tmp_path: Path) -> None:
    made = linear()
    training = trainer(KeepCheckpoint(tmp_path / "end", "end"), max_epochs=3)
    training.fit(made, Batches(), Batches(2))
    (tested,) = training.test(made, Batches(5), verbose=False)
    again = linear()
    (read,) = trainer().test(again, Batches(5), ckpt_path=tmp_path / "end", weights_only=True, verbose=False)
    assert read == tested
    logits = torch.cat([again(images) for images, _ in Batches(5)])
    labels = torch.cat([labels for _, labels in Batches(5)])
    assert tested["test_accuracy"] == pytest.approx((logits.argmax(1) == labels).float().mean().item())


def test_predictions_are_the_most_probable_classes_with_labels_or_without() -> None:
    made = linear()
    images, labels = next(iter(Batches(1)))
    expected = made(images).argmax(1)
    assert torch.equal(made.predict_step((images, labels), 0), expected)
    assert torch.equal(made.predict_step(images, 0), expected)


def test_channels_last_is_a_cpus_own_choice_only_with_avx_512(monkeypatch: pytest.MonkeyPatch) -> None:
    for able, expected in ({"avx512_f": True}, True), ({"avx2": True}, False):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: able, raising=False)
        assert default_channels_last(nn.Conv2d(3, 4, 3), torch.device("cpu")) == expected
        assert default_channels_last(nn.Conv2d(3, 4, 3), torch.device("cuda"))
        assert not default_channels_last(nn.Linear(3, 4), torch.device("cuda"))


@pytest.mark.parametrize(("asked", "expected"), [(True, True), (False, False)])
def test_convolutions_are_channels_last_unless_asked_otherwise(asked: bool | None, expected: bool) -> None:
    made = Classifier(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 3)), SGD, channels_last=asked)
    before = {name: value.clone() for name, value in made.state_dict().items()}
    trainer().validate(made, Logits(torch.ones(2, 3, 4, 4), torch.tensor([0, 1]), 2), verbose=False)
    weight = made.net[0].weight
    assert weight.is_contiguous(memory_format=torch.channels_last) == expected
    assert weight.is_contiguous() != expected
    assert made.state_dict().keys() == before.keys()
    assert all(torch.equal(value, before[name]) for name, value in made.state_dict().items())


def test_a_network_without_convolutions_keeps_its_memory_format() -> None:
    made = linear()
    trainer().validate(made, Batches(1), verbose=False)
    assert all(weight.is_contiguous() for weight in made.parameters())


@pytest.mark.slow
def test_compiling_changes_no_name_and_little_else(tmp_path: Path) -> None:
    plain, compiled = linear(), linear(compile=True)
    for made in (plain, compiled):
        trainer(KeepCheckpoint(tmp_path / str(made.compile_net), "end")).fit(made, Batches(), Batches(1))
    states = [torch.load(tmp_path / name, weights_only=True)["state_dict"] for name in ("False", "True")]
    assert states[0].keys() == states[1].keys() == linear().state_dict().keys()
    assert not any("_orig_mod" in name for name in states[1])
    assert compiled.net._compiled_call_impl is not None
    for name, value in states[0].items():
        assert torch.allclose(value, states[1][name], atol=1e-5), name


@pytest.mark.parametrize("of", [partial(optim.SGD, lr=0.1, momentum=0.9), partial(optim.AdamW, lr=0.01)])
def test_without_decay_it_makes_no_difference_what_would_decay(of: Any) -> None:
    def trained(decay: str) -> dict[str, Tensor]:
        made = linear(partial(of, weight_decay=0.0), schedule=Cosine(), decay=decay)
        trainer().fit(made, Batches(), Batches(1))
        return made.state_dict()

    split = trained("weights")
    assert all(torch.equal(value, split[name]) for name, value in trained("all").items())


def test_decay_of_weights_is_that_of_convolutions_and_linear_layers() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 3))
    for decay, own in (("weights", ["net.0.weight", "net.3.weight"]), ("all", None)):
        made = Classifier(net, partial(optim.SGD, lr=0.1, weight_decay=0.5), decay=decay)
        groups = trained_by(made)[0].param_groups
        decayed = {id(each) for group in groups if group["weight_decay"] == 0.5 for each in group["params"]}
        every = [name for name, _ in made.named_parameters()]
        assert sum(len(group["params"]) for group in groups) == len(every)
        assert [name for name, value in made.named_parameters() if id(value) in decayed] == (own or every)


def test_of_one_step_only_the_weights_shrink() -> None:
    made = linear(partial(optim.SGD, lr=0.1, weight_decay=0.5), decay="weights")
    optimizer, _ = trained_by(made)
    before = {name: value.detach().clone() for name, value in made.named_parameters()}
    for value in made.parameters():
        value.grad = torch.zeros_like(value)
    optimizer.step()
    for name, value in made.named_parameters():
        torch.testing.assert_close(value.detach(), before[name] * (1 if name.endswith("bias") else 1 - 0.1 * 0.5))


def trained_by(made: Classifier) -> tuple[optim.Optimizer, Any]:
    """What an untrained classifier's training would step with."""
    made.trainer = trainer()
    configured = made.configure_optimizers()
    return configured["optimizer"], configured["lr_scheduler"]


def test_another_word_for_what_decays_is_refused() -> None:
    with pytest.raises(ValueError, match="'all' or 'weights', what the optimizer's weight decay acts on, not 'biases'"):
        linear(decay="biases")


def test_nothing_of_ours_is_in_the_state_of_the_network() -> None:
    assert list(linear().state_dict()) == ["net.1.weight", "net.1.bias", "net.3.weight", "net.3.bias"]


def test_the_means_of_an_epoch_are_the_same_after_resuming_within_it(tmp_path: Path) -> None:
    class Cut(Callback):
        """Stops the process within the second epoch, before its third batch."""

        def on_train_batch_start(self, trainer: Trainer, *args: Any) -> None:
            if trainer.global_step == 6:
                raise InterruptedError

    def means(*callbacks: Callback, start: Path | None = None) -> dict[str, float]:
        module, data, _ = tiny.build(Seeds.of(0), 0)
        training = trainer(SeedSteps(0), *callbacks)
        training.fit(module, datamodule=data, ckpt_path=start, weights_only=True)
        return {name: value.item() for name, value in training.callback_metrics.items()}

    whole = means()
    with pytest.raises(InterruptedError):
        means(Cut(), LastCheckpoint(tmp_path / "last", 0))
    assert torch.load(tmp_path / "last", weights_only=True)["train_tally"]["samples"] == 2 * 32
    assert means(LastCheckpoint(tmp_path / "last"), start=tmp_path / "last") == whole
