"""The width factor: how many units a hidden layer has when a network is made wider or narrower."""

from slt.core.checks import positive


def scaled(width: float, units: int) -> int:
    """Return int(width * units), the published rule, or raise ValueError when nothing is left.

    >>> scaled(0.25, 64)
    16
    """
    number = int(positive("width", width) * units)
    if number < 1:
        raise ValueError(f"width {width:g} leaves a layer of {units} units empty")
    return number
