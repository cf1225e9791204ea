"""Images in folders: what a batch is, whoever reads it and wherever it is resumed."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lth_lightning.data import Folder
from lth_lightning.data.files import FileLoader


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
    files = [{path for path, _ in loader.pictures.files} for loader in (train, val, test)]
    assert not files[0] & files[1]
    assert all("val" in path for path in files[2])


def test_images_to_evaluate_on_are_resized_cropped_and_normalised(root: Path) -> None:
    data = Folder(str(root), size=14, workers=0, validation=0)
    image = batches(data.test_dataloader())[0][0][0]
    with Image.open(root / "val" / "ant" / "0.png") as file:
        resized = file.resize((24, 16), Image.Resampling.BILINEAR)  # its shorter side, of 20, is 8/7 of 14
        pixels = torch.from_numpy(np.array(resized.crop((5, 1, 19, 15)))).permute(2, 0, 1) / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(image, (pixels - mean[:, None, None]) / std[:, None, None])


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
    assert same(made(workers=2), whole)
    assert same(made(resume=2), whole[2:])
    for other in (made(epoch=1), made(order_seed=1), made(augment_seed=1)):
        assert not same(other, whole)
    assert torch.equal(made(augment_seed=1)[0][1], whole[0][1]), "the order stays"


def test_a_smaller_subset_has_as_many_of_each_class(root: Path) -> None:
    loader = Folder(str(root), subset=6, validation=0, workers=0, size=14, augment=False).train_dataloader()
    assert sorted(label for _, label in loader.pictures.files) == [0, 0, 1, 1, 2, 2]


def test_a_relative_root_lies_among_the_data_sets_and_few_images_need_not_be_of_all_classes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LTH_DATA", str(root.parent))
    data = Folder(root.name, subset=2, validation=0, workers=0)
    assert (data.num_classes, data.train_dataloader().samples) == (3, 2)


def test_folders_that_are_not_there_and_arguments_out_of_range_are_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="give the root that has train/CLASS and val/CLASS"):
        _ = Folder(str(tmp_path)).num_classes
    with pytest.raises(ValueError, match="size=0 must be at least 1"):
        Folder(str(root), size=0)
    with pytest.raises(ValueError, match=r"validation=1\.5 must be a share"):
        Folder(str(root), validation=1.5)
