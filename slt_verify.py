"""The one name here that nobody else has. Every package of ours imports this module before anything else.

The packages have names that anybody may use. Where Python finds a folder or file of such a name before ours, that is
said in one line, before any work. And where ``slt`` or ``python -m`` started one of our commands, an error that is
raised while its modules are still being imported ends like one of the command itself
(:func:`slt.core.command.explained`).
"""

import os
import sys
from importlib.util import find_spec

NEEDED = ("slt", "subsetsum", "theory", "simulations", "torch_backend", "figures")
OURS = (*NEEDED, "benchmarks")  # these import the others, and nothing imports them
HOME = os.path.dirname(os.path.abspath(__file__))


def shadow() -> str | None:
    """Return one line about the first package of ours in whose place Python finds another; None where all are ours."""
    for name in NEEDED:
        ours = os.path.join(HOME, name, "__init__.py")
        spec = find_spec(name)
        if spec is None or spec.origin == ours or not os.path.exists(ours):
            continue
        found = spec.origin or str(spec.submodule_search_locations)
        if not (os.path.exists(found) and os.path.samefile(found, ours)):
            return (
                f"{found} is found in place of the package {name} in {HOME}: "
                "rename yours, work in another folder, or start the installed script slt, which is not affected"
            )
    return None


def command() -> str | None:
    """Return ``slt`` or ``python -m NAME`` while this process is being started as that command of ours, else None."""
    if os.path.splitext(os.path.basename(sys.argv[0] if sys.argv else ""))[0] == "slt":  # the installed script
        return "slt"
    if sys.argv[:1] != ["-m"]:  # this is so only while Python looks for the module to run
        return None
    for option, name in zip(sys.orig_argv[1:], sys.orig_argv[2:], strict=False):
        if option.startswith("-") and option.endswith("m"):
            return f"python -m {name}" if name.partition(".")[0] in OURS else None
    return None


def _guard() -> None:
    name, line = command(), shadow()
    if line is not None:
        if name is None:
            raise ImportError(line)
        sys.stderr.write(f"{name}: error: {line}\n")
        sys.exit(2)
    if name is not None:
        from slt.core.command import explained

        # an exit asked for in this hook is obeyed; without it Python ends with 1, which means "refuted" here
        sys.excepthook = lambda kind, error, trace: sys.exit(explained(error, name))


_guard()
