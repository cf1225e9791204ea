import pickle
from pathlib import Path

import numpy as np
import pytest

from lth_lightning.data.arrays import Arrays, read_once


def parts(**changes: object) -> dict[str, object]:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 5, 4, 3), dtype=np.uint8)
    labels = np.array([0, 1, 2, 0, 1, 2])
    return {"train_images": images, "train_labels": labels, "test_images": images[:2], "test_labels": labels[:2]} | (
        changes
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    given = Arrays(**parts())
    given.write(tmp_path / "new" / "a.npz")
    read = Arrays.read(tmp_path / "new" / "a.npz")
    for name in parts():
        np.testing.assert_array_equal(getattr(read, name), getattr(given, name))
        assert getattr(read, name).dtype == getattr(given, name).dtype
    assert read.num_classes == 3
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.npz"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.npz"
    Arrays(**parts()).write(path)
    before = path.read_bytes()

    def full(*args: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        Arrays(**parts(train_labels=np.array([0, 1, 2, 2, 1, 0]))).write(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_grey_images_may_lack_the_channel() -> None:
    grey = np.zeros((6, 5, 4), dtype=np.uint8)
    assert Arrays(**parts(train_images=grey, test_images=grey[:2])).train_images.shape == (6, 5, 4, 1)


def test_small_integer_labels_become_int64() -> None:
    arrays = Arrays(**parts(train_labels=np.array([0, 1, 2, 0, 1, 2], dtype=np.uint8)))
    assert arrays.train_labels.dtype == np.int64


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"train_images": np.zeros((6, 5, 4, 3))}, "train_images is float64.*uint8"),
        ({"train_images": np.zeros((6, 5), np.uint8)}, r"train_images has shape \(6, 5\)"),
        ({"test_images": np.zeros((0, 5, 4, 3), np.uint8)}, r"test_images has shape \(0, 5, 4, 3\)"),
        ({"train_images": np.zeros((6, 3, 8, 8), np.uint8)}, r"channels first: transpose"),
        ({"test_images": np.zeros((2, 5, 5, 3), np.uint8)}, r"\(5, 4, 3\) but test_images are \(5, 5, 3\)"),
        ({"train_labels": np.array([0, 1, 2, 0, 1])}, r"train_labels has shape \(5,\) for 6 images"),
        ({"train_labels": np.eye(6)}, "train_labels is float64"),
        ({"train_labels": np.array([0, 1, 2, 0, 1, -1])}, "train_labels has the value -1"),
        ({"train_labels": np.array([1, 2, 3, 1, 2, 3])}, "up to 3 but never has the value 0"),
        ({"train_labels": np.array([0, 1, 10**12, 0, 1, 1])}, "never has the value 2"),
        ({"test_labels": np.array([0, 3])}, "test_labels has the value 3 but train_labels ends at 2"),
    ],
)
def test_wrong_arrays_are_refused_in_a_sentence(tmp_path: Path, changes: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Arrays(**parts(**changes))
    np.savez(tmp_path / "mine.npz", **parts(**changes))
    with pytest.raises(ValueError, match=rf"mine\.npz: .*{says}"):
        Arrays.read(tmp_path / "mine.npz")


def test_a_missing_array_is_named(tmp_path: Path) -> None:
    wanted = parts()
    del wanted["test_labels"]
    np.savez(tmp_path / "mine.npz", **wanted)
    with pytest.raises(ValueError, match=r"mine\.npz lacks test_labels"):
        Arrays.read(tmp_path / "mine.npz")


@pytest.mark.parametrize("kept", [0, 10, 0.5, -1], ids=str)
def test_a_truncated_file_is_refused_in_a_sentence(tmp_path: Path, kept: float) -> None:
    path = tmp_path / "mine.npz"
    np.savez(path, **parts())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole)) if isinstance(kept, float) else kept])
    with pytest.raises(ValueError, match=r"mine\.npz is damaged"):
        Arrays.read(path)


def test_a_flipped_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    np.savez(path, **parts(train_images=np.full((6, 5, 4, 3), 77, np.uint8)))
    path.write_bytes(path.read_bytes().replace(bytes([77] * 8), bytes([76] * 8), 1))
    with pytest.raises(ValueError, match=r"mine\.npz is damaged"):
        Arrays.read(path)


def test_foreign_files_are_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("a,b\n1,2\n")
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps(parts()))
    with (tmp_path / "one.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    for name in ("text", "pickle", "one"):
        with pytest.raises(ValueError, match=rf"{name}\.npz is damaged or not an .npz"):
            Arrays.read(tmp_path / f"{name}.npz")


class Trap:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.mark,)


def test_a_pickle_inside_is_never_opened(tmp_path: Path) -> None:
    mark = tmp_path / "opened"
    np.savez(tmp_path / "mine.npz", **parts(train_labels=np.array([Trap(mark)] * 6, dtype=object)))
    with pytest.raises(ValueError, match=r"mine\.npz is damaged or not an .npz file of plain arrays"):
        Arrays.read(tmp_path / "mine.npz")
    assert not mark.exists()


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.npz does not exist: write it with np\.savez"):
        read_once(tmp_path / "none.npz")


def test_a_file_is_read_once_and_again_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    Arrays(**parts()).write(path)
    first = read_once(path)
    assert read_once(path) is first
    Arrays(**parts(train_labels=np.array([0, 1, 1, 0, 1, 1]), test_labels=np.array([0, 1]))).write(path)
    assert read_once(path).num_classes == 2
