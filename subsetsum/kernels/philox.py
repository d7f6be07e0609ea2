"""Philox4x64-10, the counter-based generator of numpy, so that any trial can be drawn again alone."""

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from subsetsum.kernels import compiled

# Salmon, Moraes, Dror & Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3", multipliers and Weyl steps
_M0 = np.uint64(0xD2E7470EE14C6C93)
_M1 = np.uint64(0xCA5A826395121157)
_W0 = np.uint64(0x9E3779B97F4A7C15)
_W1 = np.uint64(0xBB67AE8584CAA73B)


def _emit_product(typingctx, a, b):
    """Upper and lower 64 bits of the 128-bit product of two uint64, from one instruction."""

    def codegen(context, builder, signature, args):
        wide = ir.IntType(128)
        word = ir.IntType(64)
        product = builder.mul(builder.zext(args[0], wide), builder.zext(args[1], wide))
        high = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), word)
        return context.make_tuple(builder, signature.return_type, (high, builder.trunc(product, word)))

    return types.UniTuple(types.uint64, 2)(types.uint64, types.uint64), codegen


_product: Any = intrinsic(_emit_product)


@compiled
def block(seed, trial, index):
    """Outputs 4 * index .. 4 * index + 3 of ``np.random.Philox(key=[seed, 0], counter=[0, trial, 0, 0])``.

    All uint64. numpy raises the counter before each block of four, so block 0 is the image of counter 1.
    """
    c0 = index + np.uint64(1)
    c1 = trial
    c2 = np.uint64(0)
    c3 = np.uint64(0)
    k0 = seed
    k1 = np.uint64(0)
    for _ in range(10):
        h0, l0 = _product(_M0, c0)
        h1, l1 = _product(_M1, c2)
        c0 = h1 ^ c1 ^ k0
        c1 = l1
        c2 = h0 ^ c3 ^ k1
        c3 = l0
        k0 += _W0
        k1 += _W1
    return c0, c1, c2, c3
