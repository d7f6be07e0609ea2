"""The command: plan the widths, say what they cost, build the ticket, bound its error, check it, print."""

import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulations.existence import tables
from simulations.existence.build import build
from simulations.existence.check import Verdict, check, check_groups
from simulations.existence.cost import Cost, estimate, refuse
from simulations.existence.errors import Bound, adversarial, certified_bound, collapsed, difference
from simulations.existence.obstructed import report_floor
from simulations.existence.rows import GRID
from simulations.existence.smallest import smallest_blocks
from simulations.existence.source import STATE_STEPS, Source
from simulations.existence.target import Target, accuracy, forward, from_file, save
from simulations.existence.trained import digits, mnist
from simulations.existence.weights import build_weights
from simulations.run.engines import add_engine_options, open_engine
from simulations.run.units import Engine
from slt.core import console
from slt.core.checks import closed_unit, open_unit, positive, whole
from slt.core.command import Parser
from slt.core.keep import Groups, groups_of
from slt.core.keys import checked_seed
from slt.core.options import add_forms
from slt.core.store import Row, export_json
from subsetsum.rows import LARGEST_BLOCK
from theory.existence import Plan, plan

PROBES = 32  # inputs that go through the source as an ordinary network
VACUOUS = 100.0
EXACT = 1e-12  # observed errors below are rounding
EDGE_ERROR = 2.0**-42 + 2.0**-48  # of one product on the source's grid, docs/existence.md

Floats = NDArray[np.float64]


def main(argv: Sequence[str] | None = None) -> int:
    """Build and check a ticket; exit 1 when the check finds the construction's claims wrong."""
    args = _parser().parse_args(argv)
    args.seed = checked_seed(args.seed)
    positive("limit-seconds", args.limit_seconds), positive("limit-gib", args.limit_gib)
    positive("eps", args.eps), open_unit("delta", args.delta)
    if args.out:
        Path(args.out).mkdir(parents=True, exist_ok=True)
    with open_engine(args, args.jobs) as crew:  # before a target is trained: what cannot be reached is told at once
        return _run(args, crew, console.Page(args.form))


def _run(args: Namespace, crew: Engine, out: console.Page) -> int:
    target = _target(args)
    for note in target.notes:
        out.print(note)
    if args.mode == "weights":
        if args.keep is not None:
            raise ValueError("--keep is for --mode network: leave it out, or take that mode")
        return _weights(args, target, crew, out)
    depth = len(target.weights)
    prune = _per_layer("prune", args.prune, depth + 1, args.prune)
    lock = _per_layer("lock", args.lock, depth + 1, [0.0])
    if args.allow_first_layer_lock:
        if lock[0] == 0:
            raise ValueError("--allow-first-layer-lock needs a --lock rate for each source layer, the first above 0")
        return report_floor(target, prune, lock, args.width, args.seed, out)
    groups = _groups(args, prune, lock)
    plans = _plans(args, target, prune, lock)
    used = plans["built"]
    source = Source(args.seed, target.sizes, used.blocks, prune, lock)
    precisions = tuple(demand.eps for demand in used.demands)
    shapes = " - ".join(str(n) for n in target.sizes)
    out.print(
        f"Target {target.name}: {shapes}, ReLU, inputs in {target.domain}. "
        f"Source: depth {depth + 1}, prune {_list(prune)}, lock {_list(lock)} by layer, seed {args.seed}.\n"
        f"Wanted: sup error <= {args.eps:g} on the whole domain with probability {1 - args.delta:g}.\n"
    )
    out.print(tables.widths(target, plans, prune, lock, args.eps, args.delta))
    _check_grid(used, args.eps)
    cost = estimate(source, target, precisions, crew, groups)
    out.print(f"\nBuilding {used.parameters:.3g} weights: about {cost}.")
    refuse(cost, Cost(args.limit_seconds, args.limit_gib))
    if args.smallest:
        blocks = smallest_blocks(source, target, precisions, crew, out.print)
        plans["smallest"] = _plan(args, target, prune, lock, blocks)
        out.print()
        out.print(tables.widths(target, plans, prune, lock, args.eps, args.delta))
    return _network(args, target, plans, source, precisions, groups, crew, out)


def _groups(args: Namespace, prune: tuple[float, ...], lock: tuple[float, ...]) -> Groups | None:
    """Return the groups of --keep; raise ValueError for options that do not go with them."""
    if args.keep is None:
        return None
    groups = groups_of(args.keep)
    if args.smallest:
        raise ValueError("--smallest looks for widths without --keep: leave one of them out")
    if args.width in ("auto", "proven", "estimated"):
        raise ValueError("--keep needs block sizes by --width, such as 64,32: no sizes are known for it beforehand")
    if not groups.lenient and any((*prune[1:], *lock[1:])):
        raise ValueError(
            f"--keep {groups} cannot hold in all groups where something is frozen: give '{groups} lenient', "
            "or --prune 0 --lock 0"
        )
    return groups


def _target(args: Namespace) -> Target:
    if args.target not in ("digits", "mnist"):
        return from_file(args.target, rescale=args.rescale, low=args.domain[0], high=args.domain[1])
    if args.domain != [0.0, 1.0]:
        raise ValueError(f"--domain is for a target of your own, {args.target} has pixels in [0, 1]")
    if args.target == "digits":
        return digits(args.seed)
    # training is long, and another machine may round otherwise: a build that goes on needs the same numbers
    kept = Path(args.out) / "target.npz" if args.out else None
    if kept is not None and kept.exists():
        return from_file(kept)
    target = mnist(args.data, args.seed)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        save(kept, target)
    return target


def _plans(args: Namespace, target: Target, prune: tuple[float, ...], lock: tuple[float, ...]) -> dict[str, Plan]:
    """Return the plans by name: proven, estimated, and built, the one that is asked for."""
    plans = {name: _plan(args, target, prune, lock, name) for name in ("proven", "estimated")}
    built = plans.get("proven" if args.width == "auto" else args.width)
    if built is None:
        try:
            sizes = [whole("width", int(size), 1) for size in args.width.split(",")]
        except ValueError:
            raise ValueError(f"width must be auto, proven, estimated or block sizes, got {args.width!r}") from None
        depth = len(target.weights)
        sizes = sizes * depth if len(sizes) == 1 else sizes
        if len(sizes) != depth:
            raise ValueError(f"width needs one block size or {depth}, got {args.width}")
        if max(sizes) > LARGEST_BLOCK:
            raise ValueError(f"blocks of at most {LARGEST_BLOCK} can be built, got {max(sizes)}")
        built = _plan(args, target, prune, lock, sizes)
    return {**plans, "built": built}


def _plan(
    args: Namespace, target: Target, prune: tuple[float, ...], lock: tuple[float, ...], widths: str | Sequence[int]
) -> Plan:
    # a part of eps is left for the source's grid
    return plan(
        target.weights, args.eps * (2 - GRID), args.delta, prune=prune, lock=lock,
        low=target.low, high=target.high, widths=widths,
    )  # fmt: skip


def _check_grid(used: Plan, eps: float) -> None:
    """Raise ValueError when a block is too large, or a weight's precision does not cover the source's grid."""
    if max(used.blocks) > LARGEST_BLOCK:
        raise ValueError(
            f"blocks of at most {LARGEST_BLOCK} can be built, this plan needs {max(used.blocks)}; "
            "less freezing, a larger --eps or --width estimated ask for less"
        )
    worst = max(demand.block * EDGE_ERROR / (demand.eps * (GRID - 1)) for demand in used.demands)
    if worst > 1:
        raise ValueError(
            f"--eps {eps:g} asks for weights within {min(d.eps for d in used.demands):.1e}, finer than a source on a "
            f"grid of 2^-43 supports with such wide blocks; take --eps at least {eps * worst:.2g}"
        )


def _network(
    args: Namespace, target: Target, plans: dict[str, Plan], source: Source, precisions: tuple[float, ...],
    groups: Groups | None, crew: Engine, out: console.Page,
) -> int:  # fmt: skip
    start = time.perf_counter()
    with console.progress(source.parameters, "edges") as advance:
        ticket = build(source, target, precisions, args.out and Path(args.out), crew, advance, groups)
    built = time.perf_counter() - start
    upper = collapsed(ticket)
    bound = certified_bound(ticket, target, upper)
    realised, failures = tables.realised(target, ticket)
    out.print(realised)
    hostile = adversarial(target, upper, args.seed)
    errors = np.abs(difference(target, upper, hostile)).max(axis=1)
    some = target.inputs[: PROBES - 8]
    probes = np.concatenate([some, hostile[np.argsort(-errors)[: PROBES - len(some)]]])
    start = time.perf_counter()
    verdict = check(ticket, probes, crew)
    checked = time.perf_counter() - start
    observed = {
        "adversarial inputs": float(errors.max()),
        f"the checked source on {len(probes)} inputs": float(
            np.abs(verdict.outputs - forward(target.weights, probes)).max()
        ),
    }
    result: Row = {"sizes": target.sizes, "widths": source.widths, "parameters": source.parameters}
    if len(target.inputs):
        ours, theirs = forward(upper, target.parts(target.inputs)), forward(target.weights, target.inputs)
        observed[f"{len(target.inputs)} held-out inputs"] = float(np.abs(ours - theirs).max())
        if len(target.labels):
            found = accuracy(theirs, target.labels), accuracy(ours, target.labels)
            out.print(f"Accuracy: target {found[0]:.2%}, ticket {found[1]:.2%}")
            result |= {"accuracy_target": found[0], "accuracy_ticket": found[1]}
    _print_errors(args, bound, observed, failures, out)
    agree = float(np.abs(forward(upper, target.parts(probes)) - verdict.outputs).max())
    sound = _sound(verdict, agree, max(observed.values()) <= bound.certified)
    out.print(
        f"Check: source drawn again from its seed; {verdict.locked_dropped} locked edges dropped, "
        f"{verdict.pruned_kept} pruned kept; weights agree to {verdict.weight_gap:.1e}, outputs to {agree:.1e}: "
        + ("identical within rounding" if sound else "NOT CONFIRMED")
    )
    free = plans["built"].ticket_bits(source.prune, source.lock)
    if groups:
        grouped = check_groups(ticket, groups)
        sound &= grouped.wrong == 0
        free = len(ticket.own) + grouped.bits
        result |= {"keep": str(groups), "groups": grouped.groups, "wrong_groups": grouped.wrong}
        out.print(
            f"Keep {groups}: {grouped.groups:,} groups of {groups.of} neighbouring edges above layer 1 looked at, "
            f"{grouped.wrong} keep another number; layer 1 keeps at most 1 of its {target.sizes[0]} edges a neuron"
        )
    out.print(f"Ticket: {free:.4g} bits, target {32 * sum(w.size for w in target.weights):,} bits")
    out.print(f"Built in {built:.1f} s, checked in {checked:.1f} s")
    result |= {
        "seed": source.seed, "prune": source.prune, "lock": source.lock, "eps": args.eps, "delta": args.delta,
        "blocks": {name: p.blocks for name, p in plans.items()}, "ticket_bits": free, "failures": failures,
        "certified": bound.certified, "observed": observed, "seconds": [built, checked], "sound": sound,
    }  # fmt: skip
    if args.out:
        export_json(Path(args.out) / "result.json", result)
    out.result(result)
    return 0 if sound else 1


def _print_errors(args: Namespace, bound: Bound, observed: dict[str, float], failures: int, out: console.Page) -> None:
    out.print(f"Certified: sup error <= {bound.certified:.3g} on the domain (wanted {args.eps:g})")
    for what, value in observed.items():
        out.print(f"Observed:  {value:.3g} on {what}")
    largest = max(observed.values())
    if largest > EXACT:
        ratio = bound.certified / largest
        out.print(f"Certified / observed: {ratio:.3g}" + (", vacuous" if ratio > VACUOUS else ""))
    if failures:
        out.print(f"{failures} weights are NOT within their precision; the construction failed there")
    if bound.certified > args.eps:
        out.print(f"The certified error is ABOVE the wanted {args.eps:g}")
    for number, (kept, of_target) in enumerate(bound.gains, 2):
        out.print(
            f"Errors below layer {number} are multiplied by up to {kept:.0f} (sum of |kept edges|); "
            f"the paper's eps_l counts {of_target:.1f}"
        )


def _sound(verdict: Verdict, agree: float, bounded: bool) -> bool:
    scale = 1 + float(np.abs(verdict.outputs).max())
    respected = verdict.locked_dropped == 0 and verdict.pruned_kept == 0
    return respected and verdict.weight_gap <= 1e-9 and agree <= 1e-9 * scale and bounded


def _weights(args: Namespace, target: Target, crew: Engine, out: console.Page) -> int:
    found = build_weights(target, args.seed, args.numbers, args.eps_weight, crew)
    out.print(
        f"Target {target.name}: {found.problems:,} weights, each a subset of its own {args.numbers} numbers, eps "
        f"{args.eps_weight:g}\nWithin eps: {found.problems - found.failures:,}; not: {found.failures:,}, of which "
        f"{found.impossible:,} proven impossible by trying all subsets; largest error "
        f"{found.largest:.3g}; bits drawn again and added up: {'agree' if found.verified else 'DISAGREE'}\n"
        f"Built in {found.seconds:.2f} s"
    )
    out.result(asdict(found))
    return 0 if found.verified else 1


def _per_layer(name: str, given: list[float], count: int, first: list[float]) -> tuple[float, ...]:
    """One rate for all source layers (locking: for all but the first), or one for each, on the source's grid."""
    if len(given) == 1:
        given = [*first, *given * (count - 1)]
    if len(given) != count:
        raise ValueError(f"{name} needs one rate or {count}, one per source layer, got {len(given)}")
    return tuple(round(closed_unit(name, rate) * STATE_STEPS) / STATE_STEPS for rate in given)


def _list(rates: tuple[float, ...]) -> str:
    return ", ".join(f"{rate:g}" for rate in rates)


def _parser() -> Parser:
    p = Parser(prog="slt simulate existence", description=__doc__)
    add_forms(p)
    p.add_argument("--target", default="digits", help="digits (default), mnist, or an npz file of matrices and biases")
    p.add_argument("--data", metavar="DIR", help="where MNIST lies (default: $SLT_DATA, else ~/.cache/slt-verify)")
    p.add_argument("--domain", type=float, nargs=2, default=[0.0, 1.0], metavar=("LOW", "HIGH"),
                   help="range of the inputs of an npz target (default 0 1)")  # fmt: skip
    p.add_argument("--mode", default="network", choices=("network", "weights"),
                   help="a whole network, or each weight by numbers of its own (default network)")  # fmt: skip
    p.add_argument(
        "--prune",
        type=float,
        nargs="+",
        default=[0.1],
        help="share never used: one rate, or one per source layer (default 0.1)",
    )
    p.add_argument(
        "--lock",
        type=float,
        nargs="+",
        default=[0.05],
        help="share always used: above layer 1, or one rate per source layer (default 0.05)",
    )
    p.add_argument("--allow-first-layer-lock", action="store_true",
                   help="lock rate in layer 1: no ticket, but the floor under every mask's error")  # fmt: skip
    p.add_argument(
        "--eps", type=float, default=0.2, help="largest error of an output on the whole domain (default 0.2)"
    )
    p.add_argument("--delta", type=float, default=0.05, help="allowed failure probability (default 0.05)")
    p.add_argument("--width", default="auto", metavar="auto|proven|estimated|N[,N..]",
                   help="block sizes (default auto, the proven ones)")  # fmt: skip
    p.add_argument("--keep", metavar="N:M", help="of every M neighbouring edges above layer 1 keep exactly N, such as "
                   "2:4; '2:4 lenient' where something is frozen; needs --width")  # fmt: skip
    p.add_argument("--smallest", action="store_true",
                   help="also look for the smallest block sizes that work (ten builds)")  # fmt: skip
    p.add_argument("--numbers", type=int, default=21, help="mode weights: numbers per weight (default 21)")
    p.add_argument(
        "--eps-weight", type=float, default=0.01, help="mode weights: largest error of a weight (default 0.01)"
    )
    p.add_argument("--rescale", action="store_true", help="divide layers beyond [-1, 1] by their largest weight")
    p.add_argument("--seed", type=int, default=0, help="seed of the source (default 0)")
    p.add_argument("--jobs", type=int, help="threads (default: all cores)")
    add_engine_options(p)
    p.add_argument("--limit-seconds", type=float, default=900.0, help="refuse longer builds (default 900)")
    p.add_argument("--limit-gib", type=float, default=8.0, help="refuse builds that need more memory (default 8)")
    p.add_argument("--out", metavar="DIR", help="keep the ticket here; a build that was killed goes on from it")
    return p
