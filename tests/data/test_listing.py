"""What is found in a folder of images, and the file in which it is kept."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import ImageFolder

from lth_lightning.data import kept
from lth_lightning.data.kept import listing
from lth_lightning.data.listing import Listing, listed
from lth_lightning.files import DamagedFileError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes, one with a folder inside, with images of several formats and other files; long unchanged."""
    place = tmp_path / "data" / "train"
    for number, name in enumerate(("bee/9.png", "bee/10.JPEG", "ant/nested/1.jpg", "ant/2.bmp", "ant/Ümlaut.webp")):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (10 + number, 20)).save(place / name)
    (place / "bee" / "README").write_text("of bees")
    (place / "loose.png").write_bytes(b"")
    return aged(place)


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's cache, and no list in memory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    listing.cache_clear()
    yield tmp_path / "cache"
    listing.cache_clear()


def aged(folder: Path, seconds: float = 100) -> Path:
    """The folder, whose folders changed so long ago."""
    for place, _, _ in os.walk(folder):
        os.utime(place, (time.time() - seconds,) * 2)
    return folder


def again(folder: Path) -> Listing:
    """What another process would get."""
    listing.cache_clear()
    return listing(folder)


def samples(of: Listing) -> list[tuple[str, int]]:
    return [(of.path(number), int(label)) for number, label in enumerate(of.labels)]


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were listed anew."""
    there: list[Path] = []
    monkeypatch.setattr(kept, "listed", lambda folder: there.append(folder) or listed(folder))
    return there


def test_it_finds_what_torchvision_finds_and_sizes_without_decoding(folder: Path) -> None:
    found, reference = listed(folder), ImageFolder(folder)
    assert found.classes == reference.classes == ["ant", "bee"]
    assert samples(found) == reference.samples
    for number in range(len(found)):
        with Image.open(found.path(number)) as image:
            assert found.sizes[number].tolist() == [image.height, image.width]
    some = found.take(np.array([3, 0]))
    assert samples(some) == [reference.samples[3], reference.samples[0]]
    assert some.sizes.tolist() == found.sizes[[3, 0]].tolist()


def test_a_list_is_kept_beside_the_images_and_read_by_the_next_start(folder: Path, looked: list[Path]) -> None:
    first, second = listing(folder), again(folder)
    assert looked == [folder]
    assert (folder.parent / ".lth_lightning" / "train.npz").is_file()
    assert samples(first) == samples(second) == ImageFolder(folder).samples
    assert second.sizes.tolist() == first.sizes.tolist()
    assert second.classes == first.classes
    moved = folder.parent.rename(folder.parent.with_name("moved")) / "train"
    assert samples(again(moved)) == ImageFolder(moved).samples
    assert looked == [folder]


@pytest.mark.parametrize("change", ["added", "removed", "renamed", "class", "nested", "other"])
def test_a_folder_that_changed_is_listed_anew(folder: Path, looked: list[Path], change: str) -> None:
    listing(folder)
    image = folder / "ant" / "nested" / "1.jpg"
    if change == "added":
        Image.new("RGB", (5, 5)).save(image.with_name("0.png"))
    elif change == "removed":
        (folder / "bee" / "9.png").unlink()
    elif change == "renamed":
        image.rename(image.with_name("0.jpg"))
    elif change == "class":
        (folder / "bee").rename(folder / "zebra")
    elif change == "nested":
        (folder / "bee" / "more").mkdir()
        image.rename(folder / "bee" / "more" / "1.jpg")
    else:
        os.utime(folder / "bee")
    found = again(folder)
    assert looked == [folder] * 2
    assert (found.classes, samples(found)) == ((reference := ImageFolder(folder)).classes, reference.samples)


def test_a_list_of_a_folder_that_has_just_changed_is_not_trusted(folder: Path, looked: list[Path]) -> None:
    os.utime(folder / "ant")
    listing(folder)
    again(folder)
    assert looked == [folder] * 2


def test_where_one_may_not_write_beside_the_images_the_list_is_in_the_users_cache(
    folder: Path, own: Path, looked: list[Path]
) -> None:
    (folder.parent / ".lth_lightning").write_text("in the way, as a file system that is only for reading")
    listing(folder)
    assert samples(again(folder)) == ImageFolder(folder).samples
    assert looked == [folder]
    (kept_there,) = own.rglob("train.npz")
    kept_there.parent.rename(own / "elsewhere")
    (own / "lth_lightning").rmdir()
    (own / "lth_lightning").write_text("in the way, too")
    assert samples(again(folder)) == ImageFolder(folder).samples
    assert looked == [folder] * 2


def test_a_damaged_list_is_made_anew(folder: Path, looked: list[Path]) -> None:
    listing(folder)
    file = folder.parent / ".lth_lightning" / "train.npz"
    whole = file.read_bytes()
    for damaged in (b"", whole[:-30], whole[:200], b"no archive", whole.replace(b"bee", b"eel")):
        file.write_bytes(damaged)
        assert samples(again(folder)) == ImageFolder(folder).samples
        assert file.read_bytes()[:200] == whole[:200], "whole again"
    assert looked == [folder] * 6


def test_a_kill_while_the_list_is_written_leaves_the_old_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listing(folder)
    file = folder.parent / ".lth_lightning" / "train.npz"
    before = file.read_bytes()
    (folder / "bee" / "9.png").unlink()
    aged(folder, 50)

    def killed(stream: object, **arrays: object) -> None:
        stream.write(b"half of it")  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", killed)
    with pytest.raises(KeyboardInterrupt):
        again(folder)
    assert file.read_bytes() == before
    assert sorted(path.name for path in file.parent.iterdir()) == [".lock", "train.npz"]


def test_of_several_that_start_at_once_one_lists_and_the_others_wait(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Path] = []

    def slowly(folder: Path) -> Listing:
        looked.append(folder)
        time.sleep(0.3)
        return listed(folder)

    monkeypatch.setattr(kept, "listed", slowly)
    with ThreadPoolExecutor(4) as starts:
        found = list(starts.map(listing.__wrapped__, [folder] * 4))
    assert looked == [folder]
    assert [samples(each) for each in found] == [ImageFolder(folder).samples] * 4


def test_classes_without_images_and_files_that_are_none_are_refused_before_training(folder: Path) -> None:
    (folder / "cat").mkdir()
    (folder / "cat" / "notes.txt").write_text("no cat")
    with pytest.raises(FileNotFoundError, match="has 1 class without an image, such as cat: remove such folders"):
        listing(folder)
    (folder / "cat" / "0.png").write_text("no image")
    with pytest.raises(
        DamagedFileError, match=r"1 of 6 files in .* cannot be read, such as cat/0\.png .*get them again"
    ):
        listing(folder)
    with pytest.raises(FileNotFoundError, match=r"none has no folders of images: give the root that has train/CLASS"):
        listing(folder.parent / "none")
    assert not (folder.parent / ".lth_lightning" / "train.npz").exists()


@pytest.mark.data
@pytest.mark.parametrize(("part", "count"), [("train", 10_000), ("val", 1_000)])
def test_tiny_imagenet_is_listed_as_torchvision_lists_it(part: str, count: int) -> None:
    folder = Path(os.environ["LTH_DATA"]) / "tiny-imagenet-20" / part
    found = listing(folder)
    assert (len(found), len(found.classes)) == (count, 20)
    assert samples(found) == ImageFolder(folder).samples
    assert (found.sizes == 64).all()
