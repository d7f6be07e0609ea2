"""The command: plan the widths, say what they cost, build the ticket, bound its error, check it, print."""

import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.checks import whole
from common.cli import Parser
from common.store import export_json
from simulations import console
from simulations.existence.build import build
from simulations.existence.check import check
from simulations.existence.cost import Cost, estimate, refuse
from simulations.existence.errors import adversarial, certified_bound, collapsed
from simulations.existence.source import Source
from simulations.existence.target import Target, accuracy, digits, forward, from_file
from simulations.existence.weights import build_weights
from subsetsum.threads import workers
from theory.existence import Plan, plan
from theory.widths import fitted_constant, published_widths

GRID = 1 - 1 / 128  # what the plan may use of eps: the rest pays for the source's grid
PROBES = 32  # inputs that go through the source as an ordinary network
VACUOUS = 100.0

Floats = NDArray[np.float64]


def main(argv: Sequence[str] | None = None) -> int:
    """Build and check a ticket; exit 1 when the check finds the construction's claims wrong."""
    args = _parser().parse_args(argv)
    out = console.Page()
    target = digits(args.seed) if args.target == "digits" else from_file(args.target, rescale=args.rescale)
    for note in target.notes:
        out.print(note)
    if args.mode == "weights":
        return _weights(args, target, out)
    prune, lock = _rates(args, len(target.weights))
    proven = plan(target.weights, args.eps * GRID, args.delta, prune=prune, lock=lock)
    guessed = plan(target.weights, args.eps * GRID, args.delta, prune=prune, lock=lock, widths="estimated")
    used = {"proven": proven, "auto": proven, "estimated": guessed}.get(args.width)
    if used is None:
        sizes = [whole("width", int(size), 1) for size in args.width.split(",")]
        sizes = sizes * len(target.weights) if len(sizes) == 1 else sizes
        if len(sizes) != len(target.weights):
            raise ValueError(f"width needs one block size or {len(target.weights)}, got {args.width}")
        used = plan(target.weights, args.eps * GRID, args.delta, prune=prune, lock=lock, widths=sizes)
    shapes = " - ".join(str(n) for n in target.sizes)
    out.print(
        f"Target {target.name}: {shapes}, ReLU, no biases, inputs in [0, {target.high:g}]. Source: "
        f"depth {len(used.widths) - 1}, prune {_list(prune)}, lock {_list(lock)} by layer, seed {args.seed}.\n"
        f"Wanted: sup error <= {args.eps:g} on the whole domain with probability {1 - args.delta:g}.\n"
    )
    out.print(_widths(target, args, prune, lock, proven, guessed, used))
    cost = estimate(used, workers(args.jobs))
    out.print(f"\nBuilding {used.parameters:.3g} weights: about {cost}.")
    refuse(cost, Cost(args.limit_seconds, args.limit_gib))
    source = Source(args.seed, target.sizes, used.blocks, prune, lock)
    return _network(args, target, used, source, out)


def _network(args: Namespace, target: Target, used: Plan, source: Source, out: console.Page) -> int:
    start = time.perf_counter()
    with console.progress(source.parameters, "edges") as advance:
        ticket = build(
            source, target, tuple(d.eps for d in used.demands), args.out and Path(args.out), args.jobs, advance
        )
    built = time.perf_counter() - start
    upper = collapsed(ticket)
    bound = certified_bound(ticket, target, upper)
    rows = []
    failures = 0
    for number, (w, layer) in enumerate(zip(target.weights, ticket.layers, strict=True), 1):
        error = np.abs(layer.weights - np.repeat(w, len(layer.weights) // len(w), axis=0))
        missed = int(np.count_nonzero(error > layer.eps))
        failures += missed
        rows.append((number, error.size, f"{layer.eps:.2e}", f"{error.max():.2e}", f"{error.mean():.2e}", missed))
    columns = ("target layer", "weights x copies", "eps", "largest error", "mean error", "not within eps")
    out.print(console.table("Realised weights", columns, rows))
    hostile = adversarial(target, upper, args.seed)
    worst = np.argsort(-np.abs(forward(upper, hostile) - forward(target.weights, hostile)).max(axis=1))
    probes = np.concatenate([target.inputs[: PROBES - 8], hostile[worst[: PROBES - len(target.inputs[: PROBES - 8])]]])
    start = time.perf_counter()
    verdict = check(ticket, probes, args.jobs)
    checked = time.perf_counter() - start
    claimed = forward(upper, probes)
    agree = float(np.abs(claimed - verdict.outputs).max())
    scale = 1 + float(np.abs(verdict.outputs).max())
    observed = {
        "adversarial inputs": float(np.abs(forward(upper, hostile) - forward(target.weights, hostile)).max()),
        f"the checked source on {len(probes)} inputs": float(
            np.abs(verdict.outputs - forward(target.weights, probes)).max()
        ),
    }
    result = {"sizes": target.sizes, "widths": used.widths, "parameters": used.parameters, "failures": failures}
    if len(target.inputs):
        ours, theirs = forward(upper, target.inputs), forward(target.weights, target.inputs)
        observed[f"{len(target.inputs)} held-out inputs"] = float(np.abs(ours - theirs).max())
        if len(target.labels):
            found = accuracy(theirs, target.labels), accuracy(ours, target.labels)
            out.print(f"Accuracy: target {found[0]:.2%}, ticket {found[1]:.2%}")
            result |= {"accuracy_target": found[0], "accuracy_ticket": found[1]}
    largest = max(observed.values())
    out.print(f"Certified: sup error <= {bound.certified:.3g} on the domain (wanted {args.eps:g})")
    for what, value in observed.items():
        out.print(f"Observed:  {value:.3g} on {what}")
    ratio = bound.certified / largest if largest else float("inf")
    out.print(f"Certified / observed: {ratio:.3g}" + (", vacuous" if ratio > VACUOUS else ""))
    for number, (kept, of_target) in enumerate(bound.gains, 2):
        out.print(
            f"Errors below layer {number} are multiplied by up to {kept:.0f} (sum of |kept edges|); "
            f"the paper's eps_l counts {of_target:.1f}"
        )
    sound = (
        verdict.locked_dropped == 0
        and verdict.pruned_kept == 0
        and verdict.weight_gap <= 1e-9
        and agree <= 1e-9 * scale
        and largest <= bound.certified
    )
    out.print(
        f"Check: source drawn again from its seed; {verdict.locked_dropped} locked edges dropped, "
        f"{verdict.pruned_kept} pruned kept; weights agree to {verdict.weight_gap:.1e}, outputs to {agree:.1e}: "
        + ("identical within rounding" if sound else "NOT CONFIRMED")
    )
    free = used.ticket_bits(source.prune, source.lock)
    out.print(f"Ticket: {free:.4g} bits, target {32 * sum(w.size for w in target.weights):,} bits")
    out.print(f"Built in {built:.1f} s, checked in {checked:.1f} s")
    if args.out:
        result |= {"certified": bound.certified, "observed": observed, "seconds": [built, checked], "sound": sound}
        export_json(Path(args.out) / "result.json", result)
    return 0 if sound else 1


def _weights(args: Namespace, target: Target, out: console.Page) -> int:
    found = build_weights(target, args.seed, args.numbers, args.eps_weight, args.jobs)
    out.print(
        f"Target {target.name}: {found.problems:,} weights, each a subset of its own {args.numbers} numbers, eps "
        f"{args.eps_weight:g}\nWithin eps: {found.problems - found.failures:,}; largest error "
        f"{found.largest:.3g}; bits drawn again and added up: {'agree' if found.verified else 'DISAGREE'}\n"
        f"Built in {found.seconds:.2f} s"
    )
    return 0 if found.verified else 1


def _rates(args: Namespace, depth: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    prune = _per_layer("prune", args.prune, depth + 1, args.prune)
    lock = _per_layer("lock", args.lock, depth + 1, [0.0])
    return prune, lock


def _per_layer(name: str, given: list[float], count: int, first: list[float]) -> tuple[float, ...]:
    """One rate for all source layers (locking: for all but the first), or one for each."""
    if len(given) == 1:
        return (*first, *given * (count - 1))
    if len(given) != count:
        raise ValueError(f"{name} needs one rate or {count}, one per source layer, got {len(given)}")
    return tuple(given)


def _widths(
    target: Target, args: Namespace, prune: tuple[float, ...], lock: tuple[float, ...],
    proven: Plan, guessed: Plan, used: Plan,
) -> object:  # fmt: skip
    depth = len(target.weights)
    unit = {
        form: published_widths(target.weights, args.eps, args.delta, 1.0, prune=prune, form=form, high=target.high)
        for form in ("pruned", "frozen")
    }
    constant = fitted_constant(used.widths[1:-1], unit["frozen"])
    fitted = published_widths(target.weights, args.eps, args.delta, constant, prune=prune, high=target.high)
    title = f"Widths of source layers 1 .. {depth}, its weights, and the bits of a ticket (one per free weight)"
    rows: list[tuple[object, ...]] = [
        (name, *p.widths[1:-1], *(f"{b}" for b in p.blocks), f"{p.parameters:.3g}", f"{p.ticket_bits(prune, lock):.3g}")
        for name, p in (("proven", proven), ("estimated", guessed), ("built", used))
    ]
    blank = ("",) * depth
    rows += [
        (f"published, {form}, C = 1", *(f"{w:.0f}" for w in widths), *blank, "", "") for form, widths in unit.items()
    ]
    rows.append((f"published, frozen, C = {constant:.3g}", *(f"{w:.0f}" for w in fitted), *blank, "", ""))
    names = (f"width {k + 1}" for k in range(depth))
    blocks = (f"block {k + 1}" for k in range(depth))
    return console.table(title, ("<", *names, *blocks, "weights", "ticket bits"), rows)


def _list(rates: tuple[float, ...]) -> str:
    return ", ".join(f"{rate:g}" for rate in rates)


def _parser() -> Parser:
    p = Parser(prog="python -m simulations existence", description=(__doc__ or "").splitlines()[0])
    p.add_argument("--target", default="digits", help="digits (default) or an npz file of weight matrices")
    p.add_argument("--mode", default="network", choices=("network", "weights"))
    p.add_argument("--prune", type=float, nargs="+", default=[0.1], help="one rate, or one per source layer")
    p.add_argument("--lock", type=float, nargs="+", default=[0.05], help="above layer 1, or one per source layer")
    p.add_argument("--eps", type=float, default=0.2, help="largest error of an output on the whole domain")
    p.add_argument("--delta", type=float, default=0.05)
    p.add_argument("--width", default="proven", metavar="proven|estimated|N[,N..]", help="block sizes")
    p.add_argument("--numbers", type=int, default=21, help="mode weights: numbers per weight")
    p.add_argument("--eps-weight", type=float, default=0.01, help="mode weights: largest error of a weight")
    p.add_argument("--rescale", action="store_true", help="divide layers beyond [-1, 1] by their largest weight")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--jobs", type=int, help="threads (default: all cores)")
    p.add_argument("--limit-seconds", type=float, default=900.0)
    p.add_argument("--limit-gib", type=float, default=8.0)
    p.add_argument("--out", metavar="DIR", help="keep the ticket here; a build that was killed goes on from it")
    return p
