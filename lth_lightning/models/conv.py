"""Conv-2, Conv-4 and Conv-6."""

from collections import OrderedDict
from typing import Literal

from torch import Tensor, nn

from lth_lightning.models.initialisation import Init, initialise
from lth_lightning.models.layers import choose, scaled

STAGES = {2: (64,), 4: (64, 128), 6: (64, 128, 256)}


class Conv(nn.Module):
    """Conv-2, Conv-4 or Conv-6: pairs of 3x3 convolutions, each pair max-pooled, then 256-256 linear; no batch norm.

    Source: Frankle & Carbin, 2019, arXiv:1803.03635. Parameters on CIFAR-10: 4,301,642 (Conv-2), 2,425,930 (Conv-4),
    2,262,602 (Conv-6). Input (B, channels, size, size); output (B, num_classes).

    Args:
        depth: the number of convolutions.
        num_classes: the number of outputs.
        channels: the number of input channels.
        size: the height and width of an image, in pixels: at least 2 to the power of depth / 2.
        width: multiplies the hidden widths, the linear layers' too.
        init: how weights are drawn: Kaiming normal or Glorot uniform (biases zero), or torch's own default.
    """

    def __init__(
        self,
        depth: Literal[2, 4, 6] = 4,
        num_classes: int = 10,
        channels: int = 3,
        size: int = 32,
        width: float = 1.0,
        init: Init = "kaiming_fan_in",
    ) -> None:
        super().__init__()
        widths = [scaled(units, width) for units in choose("depth", depth, STAGES)]
        left, hidden = size // 2 ** len(widths), scaled(256, width)
        if left < 1:
            raise ValueError(f"Conv-{depth} has no pixels left of a {size}x{size} image: use a smaller depth")
        self.stages = nn.Sequential(*map(_stage, [channels, *widths], widths))
        self.flatten = nn.Flatten()
        self.hidden1, self.act1 = nn.Linear(widths[-1] * left**2, hidden), nn.ReLU()
        self.hidden2, self.act2 = nn.Linear(hidden, hidden), nn.ReLU()
        self.head = nn.Linear(hidden, num_classes)
        initialise(self, init)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits, (B, num_classes)."""
        x = self.act1(self.hidden1(self.flatten(self.stages(x))))
        logits: Tensor = self.head(self.act2(self.hidden2(x)))
        return logits


def _stage(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(inputs, outputs, 3, padding=1),
            act1=nn.ReLU(),
            conv2=nn.Conv2d(outputs, outputs, 3, padding=1),
            act2=nn.ReLU(),
            pool=nn.MaxPool2d(2),
        )
    )
