"""The block of wide residual networks."""

from torch import Tensor, nn


class PreActivationBlock(nn.Module):
    """Batch norm, ReLU and a 3x3 convolution, twice, dropout between, and a skip connection.

    Where a stage becomes wider, the skip connection is a 1x1 convolution of the first activation.

    Args:
        inputs: the number of input channels.
        outputs: the number of output channels.
        stride: of the first convolution.
        project: whether the skip connection is a convolution.
        dropout: the probability of a value to be dropped before the second convolution.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, project: bool, dropout: float) -> None:
        super().__init__()
        self.bn1, self.act1 = nn.BatchNorm2d(inputs), nn.ReLU()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn2, self.act2 = nn.BatchNorm2d(outputs), nn.ReLU()
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if project else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, ceil(H/stride), ceil(W/stride))."""
        active = self.act1(self.bn1(x))
        out = self.conv2(self.dropout(self.act2(self.bn2(self.conv1(active)))))
        result: Tensor = out + (x if self.shortcut is None else self.shortcut(active))
        return result
