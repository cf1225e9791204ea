"""What `lth export` makes of masks: smaller networks that are the same function, in every form that it writes."""

import io
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
import yaml
from torch import Tensor, nn

from lth_lightning import formats
from lth_lightning.exporting import Smaller, apart, load, smaller, write
from lth_lightning.files import DamagedFileError
from lth_lightning.models import VGG, CIFARResNet, LeNet5, LeNet300100, MobileNetV2, MobileNetV3, ResNet
from lth_lightning.sparsity import Mask, prunable
from lth_lightning.sparsity.neurons import groups

Arguments = dict[str, Any]
NETWORKS: dict[str, tuple[type[nn.Module], Arguments, tuple[int, int, int]]] = {
    "LeNet-300-100": (LeNet300100, {"inputs": 64, "width": 0.2}, (1, 8, 8)),
    "LeNet-5": (LeNet5, {}, (1, 28, 28)),
    "VGG-11": (VGG, {"depth": 11, "width": 0.125}, (3, 32, 32)),
    "ResNet-20": (CIFARResNet, {"width": 0.5}, (3, 16, 16)),
    "ResNet-8, parameter-free": (CIFARResNet, {"depth": 8, "shortcut": "parameter_free"}, (3, 8, 8)),
    "ResNet-18": (ResNet, {"depth": 18, "width": 0.125}, (3, 32, 32)),
    "ResNet-50": (ResNet, {"depth": 50, "width": 0.125, "stem": "imagenet"}, (3, 64, 64)),
    "MobileNet v2": (MobileNetV2, {"width": 0.25}, (3, 32, 32)),
    "MobileNet v3 small": (MobileNetV3, {"variant": "small", "width": 0.25}, (3, 32, 32)),
    "MobileNet v3 large": (MobileNetV3, {"variant": "large", "width": 0.125}, (3, 32, 32)),
}
every_network = pytest.mark.parametrize(("kind", "arguments", "shape"), NETWORKS.values(), ids=NETWORKS)
LONG = (
    "ResNet-20",
    "ResNet-8, parameter-free",
    "ResNet-50",
    "MobileNet v2",
    "MobileNet v3 large",
    "MobileNet v3 small",
    "ResNet-18",
    "VGG-11",
)


def trained(build: Callable[[], nn.Module]) -> nn.Module:
    """A network with batch norm and biases as after training."""
    torch.manual_seed(0)
    net = build().eval()
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 2)
        elif isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
            nn.init.normal_(layer.bias, std=0.3)
    return net


def half_read(net: nn.Module, shape: Sequence[int]) -> Mask:
    """Applied: every second channel is read by nothing, and of all other weights a third is pruned at random."""
    mask = {name: torch.rand_like(weight) > 1 / 3 for name, weight in prunable(net).items()}
    for group in groups(net, shape)[0]:
        for name, inputs in ((group.consumer, group.inputs), *((gate, 1) for gate in group.gates)):
            unread = torch.arange(group.count).repeat_interleave(inputs) % 2 == 1
            mask[f"{name}.weight"][:, unread] = False
    made = Mask(mask)
    made.apply(prunable(net))
    return made


def made(kind: type[nn.Module], arguments: Arguments, shape: Sequence[int]) -> tuple[nn.Module, Smaller]:
    net = trained(partial(kind, **arguments))
    return net, smaller(net, shape, half_read(net, shape))


@every_network
@torch.no_grad()
def test_what_is_written_and_read_again_is_the_masked_network(
    kind: type[nn.Module], arguments: Arguments, shape: tuple[int, int, int], tmp_path: Path
) -> None:
    net, small = made(kind, arguments, shape)
    network = {"class_path": f"{kind.__module__}.{kind.__name__}", "init_args": arguments}
    write(tmp_path, small, {"network": network, "images": {"shape": list(shape)}})
    state = torch.get_rng_state()
    again, images = load(tmp_path), torch.randn(5, *shape)
    torch.set_rng_state(state)
    assert torch.equal(images, torch.randn(5, *shape)), "reading draws nothing"
    assert not again.training
    expected = net(images)
    assert expected.std() > 0
    torch.testing.assert_close(again(images), expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))
    torch.testing.assert_close(again.double()(images.double()), net.double()(images.double()))
    counts = {group.producer: group.count for group in groups(net.float(), shape)[0]}
    assert set(small.kept) == {name for name, count in counts.items() if count > 1}
    for name, channels in small.kept.items():
        assert again.get_submodule(name).weight.shape[0] == len(channels) <= (counts[name] + 1) // 2


def runs(name: str, content: bytes) -> Callable[[Tensor], Tensor]:
    """What another program would make of a file."""
    if name == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        return lambda images: torch.from_numpy(session.run(["logits"], {"images": images.numpy()})[0])
    if name == "pt2":
        program: Callable[[Tensor], Tensor] = torch.export.load(io.BytesIO(content)).module()
        return program
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # deprecated
        script: Callable[[Tensor], Tensor] = torch.jit.load(io.BytesIO(content))
    return script


@pytest.mark.parametrize("form", formats.FORMATS)
@pytest.mark.parametrize(
    "network", [pytest.param(each, marks=[pytest.mark.slow] if each in LONG else []) for each in NETWORKS]
)
@torch.no_grad()
def test_every_form_computes_what_the_masked_network_does_on_any_number_of_images(network: str, form: str) -> None:
    net, small = made(*NETWORKS[network])
    shape = NETWORKS[network][2]
    run = runs(form, formats.FORMATS[form](small.net, shape))
    for count in (1, 2, 7):
        images = torch.randn(count, *shape)
        expected = net(images)
        torch.testing.assert_close(run(images), expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


def test_what_only_unread_channels_read_is_taken_out_too() -> None:
    net = trained(partial(LeNet300100, inputs=16, hidden=(5, 4)))
    mask = {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in prunable(net).items()}
    mask["head.weight"][:, 2:] = False  # 2 and 3 of the second layer are not read,
    mask["hidden2.weight"][:2, 1] = False  # and these alone read 1 of the first
    (pruned := Mask(mask)).apply(prunable(net))
    small = smaller(net, (1, 4, 4), pruned)
    assert small.kept == {"hidden1": [0, 2, 3, 4], "hidden2": [0, 1]}
    assert small.channels == (9, 6)
    assert [tuple(value.shape) for value in small.net.parameters()] == [(4, 16), (4,), (2, 4), (2,), (10, 2), (10,)]
    assert apart(net, small.net, torch.randn(3, 1, 4, 4))[1] < 1e-12


def test_weights_that_a_mask_is_not_over_are_read() -> None:
    net = trained(partial(LeNet300100, inputs=16, hidden=(5, 4)))
    mask = Mask({"hidden2.weight": torch.tensor([[True, False, True, False, False]] * 4)})
    mask.apply(prunable(net))
    assert smaller(net, (1, 4, 4), mask).kept == {"hidden1": [0, 2]}


def test_a_dense_mask_leaves_the_network_as_it_is() -> None:
    net = trained(LeNet5)
    small = smaller(net, (1, 28, 28), Mask.dense(prunable(net)))
    assert small.kept == {}
    assert all(torch.equal(one, small.net.state_dict()[name]) for name, one in net.state_dict().items())


def test_a_difference_is_seen_in_both_precisions() -> None:
    net, other = trained(LeNet5), trained(LeNet5)
    with torch.no_grad():
        other.head.bias[3] += 0.01
    plain, share = apart(net, other, images := torch.randn(4, 1, 28, 28))
    assert plain == pytest.approx(0.01, rel=1e-3)
    assert share == pytest.approx(0.01 / float(net(images).detach().abs().max()), rel=1e-3)
    assert next(net.parameters()).dtype == torch.float32


def test_a_network_of_torchvision_is_made_again(tmp_path: Path) -> None:
    net = trained(partial(torchvision.models.mobilenet_v3_small, num_classes=10, width_mult=0.25))
    small = smaller(net, (3, 32, 32), half_read(net, (3, 32, 32)))
    network = {
        "class_path": "torchvision.models.mobilenet_v3_small",
        "dict_kwargs": {"num_classes": 10, "width_mult": 0.25},
    }
    write(tmp_path, small, {"network": network, "images": {"shape": [3, 32, 32]}})
    assert apart(net, load(tmp_path), torch.randn(3, 3, 32, 32))[1] < 1e-12


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda folder: (folder / "weights.pt").unlink(), "weights.pt is missing: write"),
        (lambda folder: (folder / "network.yaml").unlink(), "network.yaml is missing: write"),
        (lambda folder: (folder / "weights.pt").write_bytes(b"PK"), "is damaged, or of another version"),
        (lambda folder: (folder / "network.yaml").write_text("{"), "is damaged, or of another version"),
        (lambda folder: (folder / "network.yaml").write_text("kept: {}"), "is damaged, or of another version"),
        (lambda folder: torch.save({"head.bias": torch.zeros(3)}, folder / "weights.pt"), "is damaged, or of another"),
    ],
)
def test_files_that_are_damaged_are_named(harm: Callable[[Path], None], said: str, tmp_path: Path) -> None:
    _, small = made(LeNet300100, {"inputs": 16, "hidden": (5, 4)}, (1, 4, 4))
    network = {"class_path": "lth_lightning.models.LeNet300100", "init_args": {"inputs": 16, "hidden": [5, 4]}}
    write(tmp_path, small, {"network": network, "images": {"shape": [1, 4, 4]}})
    load(tmp_path)
    harm(tmp_path)
    with pytest.raises(DamagedFileError, match=said):
        load(tmp_path)


class Fixed(nn.Module):
    """Takes two images at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(16, 10)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(images.reshape(2 if torch.jit.is_tracing() else len(images), 16))
        return logits


def test_torchscript_of_a_fixed_number_of_images_is_refused() -> None:
    with pytest.raises(ValueError, match="would take 2 images at a time"):
        formats.torchscript(Fixed().eval(), (1, 4, 4))


def test_the_description_is_plain_text(tmp_path: Path) -> None:
    _, small = made(LeNet300100, {"inputs": 16, "hidden": (5, 4)}, (1, 4, 4))
    write(tmp_path, small, {"network": {"class_path": "x"}, "images": {"shape": [1, 4, 4]}})
    there = yaml.safe_load((tmp_path / "network.yaml").read_text())
    assert there == {"network": {"class_path": "x"}, "images": {"shape": [1, 4, 4]}, "kept": small.kept}
