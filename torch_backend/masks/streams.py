"""Random tensors that a seed rebuilds: each is a function of (seed, what) alone, the same on every device and version.

Words come from Philox4x64 (:mod:`slt.core.keys`) and become numbers by exact IEEE arithmetic written here, on the CPU;
no library's sampler takes part, so an update of numpy or torch never changes a network that a seed stands for. ``what``
names the stream, such as "weights/features.0.weight".
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from slt.core.checks import whole
from slt.core.keys import key_words

CHUNK = 1 << 16  # numbers worked on at a time, so that intermediates stay in cache

# Wichura (1988), Algorithm AS 241: the normal quantile by two rational functions, relative error below 1e-15
CENTRAL = (
    (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4),
    (4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3),
    (2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3),
)
TAIL = (
    (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0),
    (1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1),
    (1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9),
)

Floats = NDArray[np.float64]


def words(seed: int, what: str, size: int, index: int = 0) -> NDArray[np.uint64]:
    """Return ``size`` random 64-bit words of the stream (seed, what, index)."""
    key = np.array(key_words(seed, what), np.uint64)
    return np.random.Philox(key=key, counter=[0, whole("index", index), 0, 0]).random_raw(whole("size", size))


def half_words(seed: int, what: str, size: int, index: int = 0) -> NDArray[np.uint32]:
    """Return ``size`` random 32-bit words: of each 64-bit word the low half, then the high half."""
    return words(seed, what, (size + 1) // 2, index).astype("<u8", copy=False).view("<u4")[:size]


def uniform(seed: int, what: str, shape: tuple[int, ...]) -> Tensor:
    """Return float32 numbers uniform on (-1, 1): the odd multiples of 2^-24, symmetric and never 0.

    All of them are exact: 2 m + 1 - 2^24 has 24 bits, m the top 24 bits of a 32-bit word.
    """
    m = (half_words(seed, what, int(np.prod(shape, dtype=np.int64))) >> np.uint32(8)).astype(np.int32)
    return torch.from_numpy((2 * m + (1 - 2**24)).astype(np.float32) * np.float32(2.0**-24)).reshape(shape)


def signs(seed: int, what: str, shape: tuple[int, ...]) -> Tensor:
    """Return float32 fair signs, -1 or 1: the top bit of a 32-bit word."""
    bits = half_words(seed, what, int(np.prod(shape, dtype=np.int64))) >> np.uint32(31)
    return torch.from_numpy(2 * bits.astype(np.float32) - 1).reshape(shape)


def normal(seed: int, what: str, shape: tuple[int, ...]) -> Tensor:
    """Return float32 standard normal numbers: the quantiles at (m + 1/2) / 2^32, m a 32-bit word."""
    m = half_words(seed, what, int(np.prod(shape, dtype=np.int64)))
    out = np.empty(len(m), np.float32)
    for start in range(0, len(m), CHUNK):
        out[start : start + CHUNK] = _quantile(m[start : start + CHUNK])
    return torch.from_numpy(out).reshape(shape)


def keys(seed: int, what: str, size: int, index: int = 0) -> NDArray[np.uint64]:
    """Return ``size`` distinct random sort keys.

    Their low bits are the position, so that any correct sort or selection gives the same order. The random bits above,
    at least 32 for a size below 2^32, tie too rarely to matter.
    """
    bits = np.uint64(max(whole("size", size) - 1, 1).bit_length())
    return (words(seed, what, size, index) >> bits << bits) | np.arange(size, dtype=np.uint64)


def permutation(seed: int, what: str, size: int, index: int = 0) -> Tensor:
    """Return a random order of 0, ..., size - 1, int64; ``index`` counts epochs, say."""
    return torch.from_numpy(np.argsort(keys(seed, what, size, index)))


def _quantile(m: NDArray[np.uint32]) -> Floats:
    """Return the standard normal quantile of (m + 1/2) / 2^32, float64."""
    centred = (m.astype(np.float64) + 0.5) * 2.0**-32 - 0.5  # exact
    out = centred * _ratio(CENTRAL, 0.180625 - centred * centred)
    far = np.abs(centred) > 0.425
    tail = 0.5 - np.abs(centred[far])  # at least 2^-33, so that the root is below 5
    out[far] = np.copysign(_ratio(TAIL, np.sqrt(-_log(tail)) - 1.6), centred[far])
    return out


def _ratio(table: tuple[tuple[float, ...], ...], x: Floats) -> Floats:
    numerator, denominator = (table[i] + table[i + 1] for i in (0, 2))
    top, bottom = np.full_like(x, numerator[-1]), np.full_like(x, denominator[-1])
    for a, b in zip(numerator[-2::-1], denominator[-2::-1], strict=True):
        top, bottom = top * x + a, bottom * x + b
    return top / bottom


def _log(x: Floats) -> Floats:
    """Return the natural logarithm by + - * / alone: numpy's own may differ in its last bit between machines."""
    fraction, exponent = np.frexp(x)
    low = fraction < np.sqrt(0.5)
    fraction, exponent = np.where(low, 2 * fraction, fraction), exponent - low
    z = (fraction - 1) / (fraction + 1)  # log fraction = 2 atanh z, |z| <= 0.172
    series = np.zeros_like(z)
    for odd in range(21, 0, -2):
        series = series * z * z + 1 / odd
    return exponent * 0.6931471805599453 + 2 * z * series
