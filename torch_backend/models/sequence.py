"""Networks that read an image row by row, as a sequence of its rows: an LSTM and a transformer encoder.

Sources: Hochreiter and Schmidhuber (1997), Long short-term memory; Vaswani et al. (2017), Attention is all you need.
Both are put together from torch's own modules, without biases, so that freezing them is freezing any network of that
kind. Every weight is a matrix and norms start at scale 1 and shift 0: nothing but matrices is left to a seed.
"""

import torch
from torch import Tensor, nn

from slt.core.checks import whole
from torch_backend.models.width import scaled


class LastState(nn.Module):
    """An LSTM over the rows and a linear layer on the state after the last row."""

    def __init__(self, inputs: int, hidden: int, classes: int, depth: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, hidden, depth, bias=False, batch_first=True)
        self.head = nn.Linear(hidden, classes, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, channels, H, W) to logits (N, classes)."""
        _, (state, _) = self.lstm(rows(x))
        logits: Tensor = self.head(state[-1])
        return logits


class MeanOfSteps(nn.Module):
    """Embedded rows plus a fixed position code, a transformer encoder, and a linear layer on the mean over rows."""

    def __init__(self, inputs: int, hidden: int, heads: int, classes: int, depth: int, affine: bool) -> None:
        super().__init__()
        self.embedding = nn.Linear(inputs, hidden, bias=False)
        layer = nn.TransformerEncoderLayer(hidden, heads, 2 * hidden, dropout=0.0, batch_first=True, bias=False)
        layer.norm1, layer.norm2 = (nn.LayerNorm(hidden, elementwise_affine=affine) for _ in range(2))
        self.encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.head = nn.Linear(hidden, classes, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, channels, H, W) to logits (N, classes)."""
        embedded = self.embedding(rows(x))
        steps, hidden = embedded.shape[1:]
        logits: Tensor = self.head(self.encoder(embedded + position_code(steps, hidden).to(embedded)).mean(1))
        return logits


def lstm(
    *, width: float = 1.0, channels: int = 1, size: int = 28, hidden: int = 128, classes: int = 10, depth: int = 1
) -> LastState:
    """Return an LSTM of ``depth`` layers over ``size`` rows of channels * size numbers, the last state to the classes.

    width scales the hidden units, int(width * hidden). Raises ValueError when a size is below 1.
    """
    units = scaled(width, whole("hidden", hidden, 1))
    return LastState(_row(channels, size), units, whole("classes", classes, 1), whole("depth", depth, 1))


def transformer(
    *,
    width: float = 1.0,
    channels: int = 1,
    size: int = 28,
    hidden: int = 64,
    heads: int = 4,
    classes: int = 10,
    depth: int = 2,
    affine: bool = False,
) -> MeanOfSteps:
    """Return a transformer encoder over ``size`` rows of channels * size numbers, the mean over rows to the classes.

    Each of the ``depth`` layers has ``heads`` heads, 2 * hidden feed-forward units and a norm after both of its parts.
    width scales the hidden units, int(width * hidden) rounded down to a multiple of the heads, at least one unit a
    head. Raises ValueError when a size is below 1.
    """
    parts = whole("heads", heads, 1)
    units = max(scaled(width, whole("hidden", hidden, 1)) // parts, 1) * parts
    return MeanOfSteps(
        _row(channels, size), units, parts, whole("classes", classes, 1), whole("depth", depth, 1), affine
    )


def rows(x: Tensor) -> Tensor:
    """Return images (N, channels, H, W) as sequences (N, H, channels * W): step t is row t of all channels.

    >>> rows(torch.arange(8).reshape(1, 2, 2, 2))[0].tolist()
    [[0, 1, 4, 5], [2, 3, 6, 7]]
    """
    return x.transpose(1, 2).flatten(2)


def position_code(steps: int, units: int) -> Tensor:
    """Return the fixed code of positions, float32 (steps, units).

    Position t has sin(t / 10000^(2 i / units)) at place 2 i and the cosine of the same angle at 2 i + 1. It is computed
    on the CPU in double precision, so that every device adds the same code. Source: Vaswani et al. 2017, section 3.5.

    >>> position_code(2, 2).tolist()
    [[0.0, 1.0], [0.8414709568023682, 0.5403022766113281]]
    """
    places = torch.arange(units, dtype=torch.float64, device="cpu")
    even = places - places % 2
    angles = torch.arange(steps, dtype=torch.float64, device="cpu")[:, None] / 10_000 ** (even / units)
    return torch.where(places % 2 == 0, angles.sin(), angles.cos()).float()


def _row(channels: int, size: int) -> int:
    return whole("channels", channels, 1) * whole("size", size, 1)
