"""Random parts of images, held against torchvision's own."""

import pytest
import torch
from scipy.stats import ks_2samp
from torchvision.transforms import v2

from lth_lightning.data.crops import crops

COUNT = 3000  # enough to tell widths even in the ratio from such even in its logarithm


def theirs(height: int, width: int) -> torch.Tensor:
    """(COUNT, 4): first row and column, height and width, as torchvision draws them."""
    image, change = torch.empty(3, height, width, dtype=torch.uint8), v2.RandomResizedCrop(32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        drawn = [change.make_params([image]) for _ in range(COUNT)]
    return torch.tensor([[each[name] for name in ("top", "left", "height", "width")] for each in drawn])


@pytest.mark.parametrize(("height", "width"), [(375, 500), (64, 64), (300, 90), (30, 400)])
def test_parts_are_distributed_as_torchvisions(height: int, width: int) -> None:
    ours, reference = crops(torch.tensor([[height, width]]).expand(10 * COUNT, 2), 0, 0)[:, :4], theirs(height, width)
    assert (ours >= 0).all()
    assert (ours[:, 0] + ours[:, 2] <= height).all()
    assert (ours[:, 1] + ours[:, 3] <= width).all()
    for what in (
        lambda part: part[:, 2] * part[:, 3],
        lambda part: part[:, 3] / part[:, 2],
        lambda part: part[:, 0] / (height - part[:, 2] + 1),
        lambda part: part[:, 1] / (width - part[:, 3] + 1),
    ):
        assert ks_2samp(what(ours).numpy(), what(reference).numpy(), method="asymp").pvalue > 0.001


def test_an_image_into_which_no_draw_fits_gives_its_middle_as_torchvision_does() -> None:
    for size in ((4, 1000), (1000, 4), (7, 1000)):
        change, image = v2.RandomResizedCrop(8), torch.empty(3, *size, dtype=torch.uint8)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            drawn = change.make_params([image])
        wanted = [drawn[name] for name in ("top", "left", "height", "width")]
        assert crops(torch.tensor([size]), 0, 0)[0, :4].tolist() == wanted, "the chance that a draw fits is near 0"


def test_draws_depend_on_seed_and_epoch_and_half_of_the_images_are_mirrored() -> None:
    sizes = torch.randint(20, 500, (1000, 2), generator=torch.Generator().manual_seed(0))
    first = crops(sizes, 0, 0)
    assert torch.equal(crops(sizes, 0, 0), first)
    for other in (crops(sizes, 1, 0), crops(sizes, 0, 1)):
        assert (other[:, :4] != first[:, :4]).any(1).float().mean() > 0.9  # some images have one part only that fits
        assert (other[:, 4] != first[:, 4]).float().mean() == pytest.approx(0.5, abs=0.05)
    assert first[:, 4].unique().tolist() == [0, 1]
    assert first[:, 4].float().mean() == pytest.approx(0.5, abs=0.05)
