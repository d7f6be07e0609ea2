"""What an engine is given, a unit of work, and what every engine does with it.

A unit's row depends on the unit alone, so it is the same row wherever, in whatever order and however often it is made.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from slt.core.store import Row


@dataclass(frozen=True, eq=False)
class Unit:
    """One piece of work, stored when it is finished.

    name: any identifier; it is returned with the row. kind: units of the same kind are expected to take equally long
    and are sent in groups. call: returns the row; a module's function with its arguments (functools.partial), so that
    it can be sent to another machine.
    """

    name: Any
    kind: str
    call: Callable[[], Row]


IDLE = 0.02  # seconds after which an engine with too little to do asks again


class Engine(Protocol):
    """What does units of work."""

    @property
    def jobs(self) -> int:
        """How many units are done at once, at least 1."""

    def run(self, units: Iterable[Unit | None]) -> Iterator[tuple[Unit, Row]]:
        """Yield every unit with its row, as they are finished; raise what a unit raises.

        units: None among them says that no further one is ready yet; the engine goes on with those it has, and asks
        again soon.
        """


def ready(units: Iterator[Unit | None], most: int) -> tuple[list[Unit], bool]:
    """Return the next units that are ready, at most ``most``, and whether there may be others later."""
    found: list[Unit] = []
    while len(found) < most:
        try:
            unit = next(units)
        except StopIteration:
            return found, False
        if unit is None:
            break
        found.append(unit)
    return found, True
