"""Which software makes the numbers: versions that results depend on, and a digest of the project's own sources."""

import platform
from functools import cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from slt_verify import HOME

OWN = ("slt", "subsetsum", "theory", "torch_backend", "simulations")
OTHERS = ("numpy", "scipy", "numba")
ROOT = Path(HOME)


def _modules(root: Path) -> list[Path]:
    """Return all modules of our packages in ``root``."""
    return [path for package in OWN for path in sorted((root / package).rglob("*.py"))]


def _dates(root: Path) -> list[tuple[Path, int, int]]:
    """Return what tells quickly whether a module has changed."""
    return [(path, path.stat().st_mtime_ns, path.stat().st_size) for path in _modules(root)]


_START = _dates(ROOT)


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    return {"python": platform.python_version(), **{name: _version(name) for name in ("slt-verify", *OTHERS)}}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # run from a folder where nothing was installed
        return "unknown"


@cache
def software() -> dict[str, str]:
    """Return what two machines must have in common to share the work: :func:`versions` and the digest of our sources.

    Of Python the first two numbers count: pickled functions do not travel between others. Raises OSError when the
    sources have changed since this process was started.
    """
    check_unchanged()
    found = versions()
    found["python"] = ".".join(platform.python_version_tuple()[:2])
    return {**found, "sources": source_digest(ROOT)}


def check_unchanged() -> None:
    """Raise OSError when our sources have changed since this process was started: it may run some old, some new."""
    if _dates(ROOT) != _START:
        raise OSError("the sources have changed since this process was started: start it again")


def source_digest(root: Path) -> str:
    """Return a digest of all modules of our packages in ``root``; names and contents count, dates do not."""
    digest = blake2b(digest_size=6)
    for path in _modules(root):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def difference(theirs: dict[str, str], ours: dict[str, str]) -> str:
    """Say in a few words what differs; empty when nothing does.

    >>> difference({"numpy": "2.0", "scipy": "1"}, {"numpy": "2.4", "scipy": "1"})
    'numpy 2.0 there, 2.4 here'
    """
    names = [name for name in ours if theirs.get(name) != ours[name]]
    return "; ".join(f"{name} {theirs.get(name, 'missing')} there, {ours[name]} here" for name in names)
