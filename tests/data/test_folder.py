"""Images in folders: what a batch is, whoever reads it and wherever it is resumed."""

import gc
import os
from multiprocessing import active_children
from pathlib import Path
from shutil import copytree
from signal import SIGTERM
from time import monotonic

import numpy as np
import pytest
import torch
from PIL import Image

from lth_lightning.data import Folder
from lth_lightning.data.crops import crops
from lth_lightning.data.draws import generator
from lth_lightning.data.files import FileLoader
from lth_lightning.files import DamagedFileError


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of 8 training and 2 test images, of different sizes."""
    place, draws = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for part, count in (("train", 8), ("val", 2)):
        for name in ("ant", "bee", "cat"):
            (place / part / name).mkdir(parents=True)
            for number in range(count):
                pixels = draws.integers(0, 256, (20 + number, 30, 3), np.uint8)
                Image.fromarray(pixels).save(place / part / name / f"{number}.png")
    return place


def batches(loader: FileLoader) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [(images, labels) for images, labels in loader]


def same(one: list[tuple[torch.Tensor, torch.Tensor]], other: list[tuple[torch.Tensor, torch.Tensor]]) -> bool:
    return len(one) == len(other) and all(
        torch.equal(a, b) for pair in zip(one, other, strict=True) for a, b in zip(*pair, strict=True)
    )


def test_it_says_what_there_is_and_every_image_is_seen_once(root: Path) -> None:
    data = Folder(str(root), batch_size=5, validation=0.25, size=14, workers=0)
    assert (data.num_classes, data.input_shape) == (3, (3, 14, 14))
    train, val, test = data.train_dataloader(), data.val_dataloader(), data.test_dataloader()
    assert (train.samples, len(train), val.samples, test.samples) == (18, 4, 6, 6)
    found = [batches(loader) for loader in (train, val, test)]
    assert [len(labels) for _, labels in found[0]] == [5, 5, 5, 3]
    assert [sorted(torch.cat([y for _, y in part]).tolist()) for part in found] == [
        sorted(number * [0, 1, 2]) for number in (6, 2, 2)
    ]
    files = [{loader.files.path(number) for number in range(loader.samples)} for loader in (train, val, test)]
    assert not files[0] & files[1]
    assert all("val" in path for path in files[2])
    assert data.describe() == (
        f"Folder {root}: 18 training, 6 validation and 6 test images of 3x14x14 in 3 classes, "
        "cropped and flipped at random, in batches of 5, read by the training itself"
    )


def test_images_to_evaluate_on_are_resized_cropped_and_normalised(root: Path) -> None:
    data = Folder(str(root), size=14, workers=0, validation=0)
    image = batches(data.test_dataloader())[0][0][0]
    with Image.open(root / "val" / "ant" / "0.png") as file:
        resized = file.resize((24, 16), Image.Resampling.BILINEAR)  # its shorter side, of 20, is 8/7 of 14
        pixels = torch.from_numpy(np.array(resized.crop((5, 1, 19, 15)))).permute(2, 0, 1) / 255
    assert_same_pixels(image, pixels)


def assert_same_pixels(image: torch.Tensor, pixels: torch.Tensor, levels: float = 1.01) -> None:
    """An image is normalised as ImageNet's are; torch and Pillow may round a pixel of 0..255 apart."""
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    difference = image * std[:, None, None] + mean[:, None, None] - pixels
    assert 255 * difference.abs().max() < levels


def test_images_to_train_on_are_the_parts_drawn_for_them_resized_as_pillow_does(root: Path) -> None:
    loader = Folder(str(root), batch_size=24, validation=0, size=14, workers=0, augment_seed=3).train_dataloader()
    loader.set_epoch(2)
    ((images, labels),) = batches(loader)
    order = torch.randperm(24, generator=generator("order", 0, 2)).tolist()
    parts = crops(torch.from_numpy(loader.files.sizes), 3, 2).tolist()
    for image, label, number in zip(images, labels, order, strict=True):
        top, left, height, width, mirrored = parts[number]
        with Image.open(loader.files.path(number)) as file:
            part = file.crop((left, top, left + width, top + height)).resize((14, 14), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.array(part)).permute(2, 0, 1) / 255
        assert_same_pixels(image, pixels.flip(-1) if mirrored else pixels)
        assert label == loader.files.labels[number]


def test_of_a_large_jpeg_no_more_is_decoded_than_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slope = np.linspace(0, 255, 400, dtype=np.uint8)
    picture = Image.fromarray(np.stack([slope[None].repeat(300, 0)] * 3, 2))
    for part in ("train", "val"):
        (tmp_path / part / "slope").mkdir(parents=True)
        picture.save(tmp_path / part / "slope" / "0.jpg", quality=100)
    decoded = []
    convert = Image.Image.convert
    monkeypatch.setattr(Image.Image, "convert", lambda self, mode: decoded.append(self.size) or convert(self, mode))
    data = Folder(str(tmp_path), size=64, validation=0, workers=0)
    (image,), _ = batches(data.test_dataloader())[0]
    whole = picture.resize((97, 73), Image.Resampling.BILINEAR).crop((16, 4, 80, 68))  # the shorter side is 8/7 of 64
    assert decoded == [(100, 75)]
    assert_same_pixels(image, torch.from_numpy(np.array(whole)).permute(2, 0, 1) / 255, levels=3)
    (image,), _ = batches(data.train_dataloader())[0]
    _, left, height, width, mirrored = crops(torch.tensor([[300, 400]]), 0, 0)[0].tolist()
    assert decoded[1:] == [(400 // (scale := max(s for s in (1, 2, 4) if min(height, width) >= 64 * s)), 300 // scale)]
    row = slope[left : left + width][((torch.arange(64) + 0.5) * width / 64).long()]
    wanted = torch.from_numpy(row[::-1].copy() if mirrored else row).expand(3, 64, 64) / 255
    assert_same_pixels(image, wanted, levels=6)  # a reduced pixel is up to four of the original wide


def test_a_batch_is_a_function_of_seeds_epoch_and_number_whoever_reads(root: Path) -> None:
    def made(
        epoch: int = 0, resume: int = 0, workers: int = 0, **seeds: int
    ) -> list[tuple[torch.Tensor, torch.Tensor]]:
        loader = Folder(str(root), batch_size=5, validation=0, size=14, workers=workers, **seeds).train_dataloader()
        loader.sampler.set_epoch(epoch)
        if resume:
            loader.load_state_dict({"epoch": epoch, "batch": resume})
        return batches(loader)

    torch.manual_seed(1)
    draws = torch.get_rng_state()
    whole = made()
    assert torch.equal(torch.get_rng_state(), draws)
    torch.manual_seed(2)
    assert same(made(), whole)
    assert same(made(workers=1), whole)
    assert same(made(workers=2), whole)
    assert same(made(resume=2), whole[2:])
    assert same(made(epoch=1, resume=1, workers=2), made(epoch=1)[1:])
    for other in (made(epoch=1), made(order_seed=1), made(augment_seed=1)):
        assert not same(other, whole)
    assert torch.equal(made(augment_seed=1)[0][1], whole[0][1]), "the order stays"


def test_readers_stay_from_one_epoch_to_the_next_whatever_became_of_the_one_before(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lth_lightning.data.folder.processors", lambda: 2)

    def made(workers: int) -> FileLoader:
        return Folder(str(root), batch_size=5, validation=0, size=14, workers=workers).train_dataloader()

    loader, alone = made(2), made(0)
    there = set(active_children())
    next(iter(loader))  # and no further
    readers = set(active_children()) - there
    for epoch in (0, 1):
        loader.set_epoch(epoch)
        alone.set_epoch(epoch)
        assert same(batches(loader), batches(alone))
    assert set(active_children()) - there == readers
    assert len(readers) == 2
    iterator = iter(loader)
    next(iterator)
    for reader in readers:  # as SLURM sends it to all processes: the training ends itself, once it is saved
        os.kill(reader.pid or 0, SIGTERM)
    assert len(list(iterator)) == len(loader) - 1
    del loader, iterator
    gc.collect()
    for reader in readers:
        reader.join(10)
    assert not any(reader.is_alive() for reader in readers)


def test_readers_of_a_training_that_failed_end_at_once_with_what_it_left(root: Path) -> None:
    there = set(active_children())
    loader = Folder(str(root), batch_size=5, validation=0, workers=1).train_dataloader()
    iterator = iter(loader)
    next(iterator)
    loader.held_by = [iterator, loader]  # type: ignore[attr-defined]  # as a Trainer and its module hold each other
    (reader,) = set(active_children()) - there
    del loader, iterator
    before = monotonic()
    gc.collect()
    assert monotonic() - before < 4, "torch waits for five seconds twice, in vain, if queues go before their readers"
    assert not reader.is_alive()


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_was_damaged_after_it_was_listed_is_named_with_a_remedy(
    root: Path, tmp_path: Path, workers: int
) -> None:
    copytree(root, tmp_path / "copy")
    loader = Folder(str(tmp_path / "copy"), batch_size=5, validation=0, workers=workers).train_dataloader()
    victim = Path(loader.files.path(7))
    victim.write_bytes(victim.read_bytes()[:-1000])
    sentence = rf"^{victim} cannot be read as it was listed \(.*truncated.*\): get it again, or remove it; then touch "
    with pytest.raises(DamagedFileError, match=sentence):
        batches(loader)
    Image.new("RGB", (9, 8)).save(victim)
    with pytest.raises(DamagedFileError, match=r"it had 30x27 pixels, and has 9x8 now"):
        batches(loader)
    victim.unlink()
    with pytest.raises(DamagedFileError, match=r"No such file"):
        batches(loader)


def test_a_smaller_subset_has_as_many_of_each_class(root: Path) -> None:
    loader = Folder(str(root), subset=6, validation=0, workers=0, size=14, augment=False).train_dataloader()
    assert sorted(loader.files.labels.tolist()) == [0, 0, 1, 1, 2, 2]


def test_a_relative_root_lies_among_the_data_sets_and_few_images_need_not_be_of_all_classes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LTH_DATA", str(root.parent))
    data = Folder(root.name, subset=2, validation=0, workers=0)
    assert (data.num_classes, data.train_dataloader().samples) == (3, 2)


def test_folders_that_are_not_there_and_arguments_out_of_range_are_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="give the root that has train/CLASS and val/CLASS"):
        _ = Folder(str(tmp_path)).num_classes
    copytree(root, tmp_path / "copy")
    (tmp_path / "copy" / "val" / "ant").rename(tmp_path / "copy" / "val" / "dog")
    with pytest.raises(
        ValueError, match="has the class ant in one of train and val only: they must be the same in both"
    ):
        _ = Folder(str(tmp_path / "copy")).num_classes
    with pytest.raises(ValueError, match="size=0 must be at least 1"):
        Folder(str(root), size=0)
    with pytest.raises(ValueError, match=r"validation=1\.5 must be a share"):
        Folder(str(root), validation=1.5)
