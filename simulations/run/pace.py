"""How many units of work go into one task of a cluster, so that scheduling costs little and no worker waits long."""

from collections.abc import Callable, Iterable, Iterator

from simulations.run.units import Unit

OVERHEAD = 2.1e-3  # seconds a task keeps the scheduler busy, the worker and the client less; docs/scaling.md
SHARE = 0.5  # of one scheduler's time that the tasks of all threads may take
SECONDS = 0.25  # a task takes at least about this long: 0.7 % of it is overhead
MOST = 1000  # units in a task


class Pace:
    """What a unit of each kind is known to take, from those already done."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    def learn(self, kind: str, units: int, seconds: float) -> None:
        """Take note of ``units`` done in ``seconds``. Slower ones count at once, faster ones by and by."""
        each = seconds / units
        before = self._seconds.get(kind, each)
        self._seconds[kind] = max(each, (before + each) / 2)

    def size(self, kind: str, threads: int) -> int:
        """Return how many units of a kind to put into one task when ``threads`` threads are at work.

        One while the kind is unknown. With many threads tasks are longer, or the scheduler, which handles one at a
        time, could not keep up.

        >>> pace = Pace()
        >>> pace.learn("quick", 10, 0.05), pace.learn("slow", 1, 3.0)
        (None, None)
        >>> pace.size("quick", 4), pace.size("quick", 1000), pace.size("slow", 4), pace.size("new", 4)
        (50, 840, 1, 1)
        """
        each = self._seconds.get(kind)
        if each is None:
            return 1
        aim = max(SECONDS, threads * OVERHEAD / SHARE)
        return max(1, min(MOST, round(aim / max(each, 1e-9))))


def groups(units: Iterable[Unit | None], size: Callable[[str], int]) -> Iterator[list[Unit]]:
    """Yield groups of consecutive units of one kind, at most ``size(kind)`` of them, as asked when a group starts.

    Where no further unit is ready (None), the group so far is yielded, which may be empty.
    """
    group: list[Unit] = []
    most = 0
    for unit in units:
        if unit is None:
            yield group
            group = []
            continue
        if group and (unit.kind != group[0].kind or len(group) >= most):
            yield group
            group = []
        if not group:
            most = size(unit.kind)
        group.append(unit)
    if group:
        yield group
