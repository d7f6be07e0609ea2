"""One small fault: a text that occurs once in a file, and what stands there instead."""

from dataclasses import dataclass
from hashlib import blake2b


@dataclass(frozen=True)
class Mutant:
    """file: below the project's folder; old, new: the texts; tests: files to run, the quickest to notice first.

    harmless: why no test can notice it, or why nothing that is promised changes; empty when a test must notice it.
    """

    file: str
    name: str
    old: str
    new: str
    tests: tuple[str, ...]
    harmless: str = ""

    def applied(self, text: str) -> str:
        """Return the file's text with the fault in it; raise ValueError unless the old text occurs exactly once."""
        if text.count(self.old) != 1:
            raise ValueError(f"{self}: the text occurs {text.count(self.old)} times in {self.file}: {self.old!r}")
        return text.replace(self.old, self.new)

    @property
    def digest(self) -> str:
        """Eight hexadecimal digits of the fault."""
        return blake2b("\0".join((self.file, self.old, self.new)).encode(), digest_size=4).hexdigest()

    def __str__(self) -> str:
        return f"{self.file}, {self.name}"


def mutants(file: str, tests: tuple[str, ...], *faults: tuple[str, ...]) -> tuple[Mutant, ...]:
    """Return the mutants of one file out of (name, old, new) or (name, old, new, why it is harmless)."""
    return tuple(Mutant(file, *fault[:3], tests, *fault[3:]) for fault in faults)


def none(tests: tuple[str, ...]) -> Mutant:
    """Return no fault at all, to see that the tests pass."""
    return Mutant("", "no fault", "", "", tests)
