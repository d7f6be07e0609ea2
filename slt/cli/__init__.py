"""The door: the command ``slt``, which runs any other by its name."""

import sys
from collections.abc import Sequence
from importlib import import_module

from simulations.experiments import EXPERIMENTS
from slt.core.command import Command, called, choose, run

COMMANDS = {
    "n": Command("slt.cli.n", "how many random numbers are necessary, estimated and sufficient"),
    "success": Command("slt.cli.success", "how likely is success with n random numbers"),
    "widths": Command("slt.cli.widths", "how wide a random network must be for a target of given layer sizes"),
    "verify": Command("slt.cli.verify", "the main job: each subset-sum lemma against measurement and proven bounds"),
    "certify": Command("slt.cli.certify", "certificates of proven numbers, for readers who trust nothing of ours"),
    "claim": Command("slt.cli.claim", "does one claim hold, with which constant: one of ours or your own file"),
    "claims": Command("slt.cli.claims", "the ledger: every claim of the literature with its verdict"),
    "simulate": Command("slt.cli.simulate", "the other experiments, by name"),
    "search": Command(
        "torch_backend.commands.search", "search tickets in frozen random networks; presets of published settings"
    ),
    "ticket": Command("torch_backend.commands.ticket", "info, verify or export a ticket file"),
    "compare": Command(
        "torch_backend.commands.compare", "rival searches side by side in dense, pruned and frozen sources"
    ),
    "plan": Command("torch_backend.commands.plan", "what a search will take: rates by layer, bits, memory, time"),
    "positions": Command("torch_backend.commands.positions", "accuracy over the place of the sparsity in its interval"),
    "jackpot": Command("torch_backend.commands.jackpot", "masks over trained weights that stay as they are"),
    "factors": Command(
        "torch_backend.commands.requirement", "width factors of searched tickets, against what theory predicts"
    ),
    "sparsity": Command(
        "torch_backend.commands.sparsity", "the sparsity of searched tickets, against the theory of sparsity"
    ),
    "freezing": Command(
        "torch_backend.commands.freezing", "accuracy over the freezing ratio, and over sparsity and freezing ratio"
    ),
    "experiments": Command(
        "torch_backend.commands.experiments",
        "published claims about searched tickets, each tried here, with its verdict",
    ),
    "figures": Command("figures.command", "draw figures from committed results or from your own rows"),
    "report": Command("figures.report", "one page with every figure and claim"),
}
SHARED = ("search", "positions")  # what torchrun can start


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the words name; return its exit code."""
    return run(dispatch, argv, "slt")


def dispatch(argv: Sequence[str] | None) -> int:
    """Hand over to the command that comes first; raise ValueError for one that several ranks cannot share."""
    words = sys.argv[1:] if argv is None else list(argv)
    if words and words[0] not in SHARED and COMMANDS.get(words[0], COMMANDS["verify"]).module.startswith("torch_"):
        with called(f"slt {words[0]}"):
            from torch_backend.training.ranks import launched

            if launched():
                raise ValueError("torchrun starts search and positions; run every other command without it")
    if words == ["--version"]:
        sys.stdout.write(f"slt-verify {import_module('slt').__version__}\n")
        return 0
    return choose("slt", COMMANDS, words)


__all__ = ["COMMANDS", "EXPERIMENTS", "dispatch", "main"]
