import os
import struct
from pathlib import Path
from types import SimpleNamespace
from urllib.error import URLError

import numpy as np
import pytest
import torch

from lth_lightning.data import CIFAR10, CIFAR100, MNIST, ArrayDataModule, Arrays, FashionMNIST, Npz

LTH_DATA = os.environ.get("LTH_DATA", "")


def small(classes: int = 10, shape: tuple[int, ...] = (8, 8, 3)) -> Arrays:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (40, *shape), dtype=np.uint8), np.arange(40) % classes
    return Arrays(images, labels, images[:20], labels[:20])


def test_a_file_of_arrays_is_a_data_set(tmp_path: Path) -> None:
    small(4).write(tmp_path / "mine.npz")
    mine = Npz(str(tmp_path / "mine.npz"), validation=0.1)
    assert (mine.num_classes, mine.input_shape, mine.num_train, mine.num_val) == (4, (3, 8, 8), 36, 4)
    with pytest.raises(FileNotFoundError, match=r"other\.npz does not exist"):
        Npz(str(tmp_path / "other.npz")).setup()


@pytest.mark.parametrize("kind", [MNIST, FashionMNIST, CIFAR10, CIFAR100])
def test_the_file_of_arrays_of_a_data_set_is_found(
    kind: type[ArrayDataModule], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small().write(tmp_path / f"{kind.__name__.lower()}.npz")
    assert kind(root=str(tmp_path)).num_test == 20
    monkeypatch.setenv("LTH_DATA", str(tmp_path))
    assert kind().num_test == 20
    monkeypatch.delenv("LTH_DATA")
    (tmp_path / "data").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert kind().num_test == 20


def write_idx(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + values.tobytes())


@pytest.mark.parametrize("kind", [MNIST, FashionMNIST])
def test_a_torchvision_folder_is_read_and_kept_as_arrays(kind: type[ArrayDataModule], tmp_path: Path) -> None:
    arrays, raw = small(shape=(28, 28)), tmp_path / kind.__name__ / "raw"
    for part, stem in (("train", "train"), ("test", "t10k")):
        write_idx(raw / f"{stem}-images-idx3-ubyte", getattr(arrays, f"{part}_images")[..., 0])
        write_idx(raw / f"{stem}-labels-idx1-ubyte", getattr(arrays, f"{part}_labels").astype(np.uint8))
    read = kind(root=str(tmp_path)).load()
    np.testing.assert_array_equal(read.train_images, arrays.train_images)
    np.testing.assert_array_equal(read.test_labels, arrays.test_labels)
    kept = tmp_path / f"{kind.__name__.lower()}.npz"
    np.testing.assert_array_equal(Arrays.read(kept).train_labels, arrays.train_labels)
    for path in raw.iterdir():
        path.unlink()
    assert kind(root=str(tmp_path)).num_test == 20


def test_a_folder_that_cannot_be_written_to_is_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise PermissionError("read-only file system")

    arrays = small()
    fake = SimpleNamespace(data=arrays.train_images, targets=arrays.train_labels.tolist())
    monkeypatch.setattr("torchvision.datasets.CIFAR10", lambda *args, **options: fake)
    monkeypatch.setattr(Arrays, "write", refuse)
    assert CIFAR10(root=str(tmp_path)).num_test == 40


def unreachable(*args: object, **options: object) -> None:
    raise URLError("[Errno -3] Temporary failure in\n name resolution")


@pytest.mark.parametrize(
    ("kind", "patched"),
    [
        (CIFAR10, "torchvision.datasets.cifar.download_and_extract_archive"),
        (CIFAR100, "torchvision.datasets.cifar.download_and_extract_archive"),
        (MNIST, "torchvision.datasets.mnist.download_and_extract_archive"),
        (FashionMNIST, "torchvision.datasets.mnist.download_and_extract_archive"),
    ],
)
def test_missing_data_without_network_gives_one_sentence(
    kind: type[ArrayDataModule], patched: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patched, unreachable)
    with pytest.raises(FileNotFoundError) as caught:
        kind(root=str(tmp_path)).prepare_data()
    message = str(caught.value)
    name = kind.__name__
    assert message.startswith(f"{name} is not in {tmp_path} (neither {name.lower()}.npz nor torchvision's files)")
    assert "could not be downloaded" in message
    assert "set LTH_DATA" in message
    assert "\n" not in message
    assert caught.value.__suppress_context__


@pytest.mark.slow
@pytest.mark.data
def test_cifar10_is_read_from_its_arrays() -> None:
    cifar = CIFAR10()
    assert (cifar.num_train, cifar.num_val, cifar.num_test, cifar.input_shape) == (45000, 5000, 10000, (3, 32, 32))
    loader = cifar.test_dataloader()
    images, labels = (torch.cat(parts) for parts in zip(*loader, strict=True))
    assert labels.bincount().tolist() == [1000] * 10
    # The constants that papers use, from which ours are derived independently.
    factor, summand = loader._scale.flatten(), loader._shift.flatten()
    torch.testing.assert_close(1 / (255 * factor), torch.tensor([0.2470, 0.2435, 0.2616]), atol=1e-4, rtol=0)
    torch.testing.assert_close(-summand / (255 * factor), torch.tensor([0.4914, 0.4822, 0.4465]), atol=1e-4, rtol=0)
    assert images[:, 0].mean().abs() < 0.02


@pytest.mark.data
def test_mnist_is_read_from_torchvisions_folder(tmp_path: Path) -> None:
    (tmp_path / "MNIST").symlink_to(Path(LTH_DATA, "MNIST").resolve())
    mnist = MNIST(root=str(tmp_path))
    assert (mnist.num_train, mnist.num_val, mnist.num_test) == (54000, 6000, 10000)
    assert (tmp_path / "mnist.npz").exists()
    loader = mnist.test_dataloader()
    torch.testing.assert_close(1 / (255 * loader._scale.item()), 0.3081, atol=1e-4, rtol=0)
    assert next(iter(loader))[1][:5].tolist() == [7, 2, 1, 0, 4]
