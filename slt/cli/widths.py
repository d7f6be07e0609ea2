"""How wide must a random network be to hold a ticket for a target of these layer sizes? ``slt widths 784-500-10``."""

from collections.abc import Sequence

from slt.core import console
from slt.core.checks import whole
from slt.core.command import Parser
from slt.core.options import add_forms

ASSUMED = (
    "block: how many neurons of a layer stand for one input (layer 1) or for one target neuron of the layer before. "
    "weights within: how near each weight of the target must be.\n"
    "Assumed: the target is a ReLU network without biases, its weights lie in [-1, 1] and its inputs in [0, 1]; the "
    "source has one layer more, weights uniform on [-1, 1], and nothing locked in its first layer. "
    "proven: with probability at least {sure:g} some mask of the source is within {eps:g} of the target in every "
    "output on every input, whatever the target's weights are. estimated: the same without a guarantee. A trained "
    "target needs less: slt simulate existence --target FILE."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the widths of the source's layers, proven and estimated, and what is assumed."""
    args = parser().parse_args(argv)
    from theory.existence import plan_of_sizes

    sizes = sizes_of(args.sizes)
    depth = len(sizes) - 1
    prune, lock = (args.prune,) * (depth + 1), (0.0, *(args.lock,) * depth)
    plans = {
        kind: plan_of_sizes(sizes, args.eps, args.delta, prune=prune, lock=lock, widths=kind)
        for kind in ("proven", "estimated")
    }
    proven, guessed = plans["proven"], plans["estimated"]
    rows: list[tuple[object, ...]] = [
        (layer + 1, f"{proven.widths[layer + 1]:,}", f"{guessed.widths[layer + 1]:,}", f"{proven.blocks[layer]:,}",
         f"{guessed.blocks[layer]:,}", f"{proven.demands[layer].eps:.2g}")
        for layer in range(depth)
    ]  # fmt: skip
    rows.append((depth + 1, f"{sizes[-1]:,}", f"{sizes[-1]:,}", None, None, None))
    title = (
        f"Widths of a source with a ticket for {args.sizes}: eps = {args.eps:g}, delta = {args.delta:g}, "
        f"prune = {args.prune:g}, lock = {args.lock:g}"
    )
    columns = ("layer", "width, proven", "width, estimated", "block, proven", "block, estimated", "weights within")
    bits = {kind: found.ticket_bits(prune, lock) for kind, found in plans.items()}
    page = console.Page(args.form)
    page.print(console.table(title, columns, rows))
    page.print(
        f"Weights of the source: {proven.parameters:.3g} proven, {guessed.parameters:.3g} estimated. "
        f"Bits of a ticket: {bits['proven']:.3g} proven, {bits['estimated']:.3g} estimated.\n"
    )
    assumed = ASSUMED.format(eps=args.eps, sure=1 - args.delta)
    page.note(assumed)
    page.result(
        {
            "sizes": sizes, "eps": args.eps, "delta": args.delta, "prune": prune, "lock": lock, "assumed": assumed,
            **{
                kind: {"widths": found.widths, "blocks": found.blocks, "weights": found.parameters,
                       "ticket_bits": bits[kind]}
                for kind, found in plans.items()
            },
        }
    )  # fmt: skip
    return 0


def sizes_of(text: str) -> tuple[int, ...]:
    """Return layer sizes from inputs to outputs, such as 784-500-10; raise ValueError for anything else.

    >>> sizes_of("784-500-10")
    (784, 500, 10)
    """
    try:
        sizes = tuple(whole("layer size", int(size), 1) for size in text.split("-"))
    except ValueError:
        sizes = ()
    if len(sizes) < 2:
        raise ValueError(f"layer sizes must be at least two whole numbers, such as 784-500-10, got {text!r}")
    return sizes


def parser() -> Parser:
    """Return the argument parser."""
    p = Parser(
        prog="slt widths",
        description="How wide must a frozen random network be to hold a ticket for every ReLU network of these layer "
        "sizes with weights in [-1, 1]?",
    )
    p.add_argument("sizes", help="layer sizes of the target from inputs to outputs, such as 784-500-10")
    p.add_argument("--prune", type=float, default=0.0, help="share of every source layer never used, p (default 0)")
    p.add_argument("--lock", type=float, default=0.0, help="share always used, q, above source layer 1 (default 0)")
    p.add_argument("--eps", type=float, default=0.1, help="largest error of an output (default 0.1)")
    p.add_argument("--delta", type=float, default=0.05, help="allowed failure probability (default 0.05)")
    add_forms(p)
    return p
