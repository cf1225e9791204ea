"""LeNet-300-100 and LeNet-5."""

from torch import Tensor, nn

from lth_lightning.models.initialisation import Init, initialise
from lth_lightning.models.layers import scaled


class LeNet300100(nn.Module):
    """LeNet-300-100: two hidden linear layers with ReLU; 266,610 parameters on MNIST.

    Source: LeCun et al., 1998, "Gradient-based learning applied to document recognition"; as used by Frankle et al.,
    2020, arXiv:1912.05671. Input (B, ...) with `inputs` values an example, flattened; output (B, num_classes).

    Args:
        num_classes: the number of outputs.
        inputs: the number of values in an example: 784 for MNIST, 64 for digits.
        hidden: the two hidden widths; (8, 8) is the small dense network of Evci et al., 2022, arXiv:2010.03533.
        width: multiplies the hidden widths.
        init: how weights are drawn: Kaiming normal or Glorot uniform (biases zero), or torch's own default.
    """

    def __init__(
        self,
        num_classes: int = 10,
        inputs: int = 784,
        hidden: tuple[int, int] = (300, 100),
        width: float = 1.0,
        init: Init = "kaiming_fan_in",
    ) -> None:
        super().__init__()
        first, second = (scaled(units, width) for units in hidden)
        self.flatten = nn.Flatten()
        self.hidden1, self.act1 = nn.Linear(inputs, first), nn.ReLU()
        self.hidden2, self.act2 = nn.Linear(first, second), nn.ReLU()
        self.head = nn.Linear(second, num_classes)
        initialise(self, init)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits, (B, num_classes)."""
        x = self.act1(self.hidden1(self.flatten(x)))
        logits: Tensor = self.head(self.act2(self.hidden2(x)))
        return logits


class LeNet5(nn.Module):
    """LeNet-5 with ReLU and max-pooling: 44,426 parameters on MNIST, 61,706 on 32x32.

    Source: LeCun et al., 1998, "Gradient-based learning applied to document recognition"; without padding it is the
    network of Evci et al., 2022, arXiv:2010.03533. Input (B, channels, size, size); output (B, num_classes).

    Args:
        num_classes: the number of outputs.
        channels: the number of input channels.
        size: the height and width of an image, in pixels: at least 16, or 4 with `padding=2`.
        hidden: the widths of the two 5x5 convolutions and the two linear layers; (3, 3, 27, 20) is the small dense
            network of Evci et al., 2022, with 2,399 parameters.
        padding: zeros around the input of each convolution, in pixels.
        width: multiplies the hidden widths.
        init: how weights are drawn: Kaiming normal or Glorot uniform (biases zero), or torch's own default.
    """

    def __init__(
        self,
        num_classes: int = 10,
        channels: int = 1,
        size: int = 28,
        hidden: tuple[int, int, int, int] = (6, 16, 120, 84),
        padding: int = 0,
        width: float = 1.0,
        init: Init = "kaiming_fan_in",
    ) -> None:
        super().__init__()
        left = size
        for _ in range(2):
            left = (left + 2 * padding - 4) // 2
        if left < 1:
            raise ValueError(
                f"LeNet5 has no pixels left of a {size}x{size} image with padding={padding}: use padding=2"
            )
        conv1, conv2, first, second = (scaled(units, width) for units in hidden)
        self.conv1, self.act1, self.pool1 = nn.Conv2d(channels, conv1, 5, padding=padding), nn.ReLU(), nn.MaxPool2d(2)
        self.conv2, self.act2, self.pool2 = nn.Conv2d(conv1, conv2, 5, padding=padding), nn.ReLU(), nn.MaxPool2d(2)
        self.flatten = nn.Flatten()
        self.hidden1, self.act3 = nn.Linear(conv2 * left**2, first), nn.ReLU()
        self.hidden2, self.act4 = nn.Linear(first, second), nn.ReLU()
        self.head = nn.Linear(second, num_classes)
        initialise(self, init)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits, (B, num_classes)."""
        # ReLU after pooling: the same values and gradients, bit for bit, for a quarter of its work
        x = self.act1(self.pool1(self.conv1(x)))
        x = self.act2(self.pool2(self.conv2(x)))
        x = self.act3(self.hidden1(self.flatten(x)))
        logits: Tensor = self.head(self.act4(self.hidden2(x)))
        return logits
