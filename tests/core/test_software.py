"""Which software makes the numbers is known, or said to be unknown."""

from importlib.metadata import PackageNotFoundError

import pytest

from slt.core import versions as software


def test_without_package_metadata_versions_are_unknown_and_sources_count(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(software, "version", missing)
    assert software.versions()["slt-verify"] == "unknown"
    software.software.cache_clear()
    assert len(software.software()["sources"]) == 12
    software.software.cache_clear()


@pytest.mark.parametrize("change", ["content", "new", "gone"])
def test_a_change_of_the_sources_is_noticed(monkeypatch, tmp_path, change):
    path = tmp_path / "slt" / "a.py"
    path.parent.mkdir()
    path.write_text("1")
    monkeypatch.setattr(software, "ROOT", tmp_path)
    monkeypatch.setattr(software, "_START", software._dates(tmp_path))
    software.check_unchanged()
    if change == "content":
        path.write_text("12")
    elif change == "new":
        (path.parent / "b.py").touch()
    else:
        path.unlink()
    with pytest.raises(OSError, match="the sources have changed since this process was started: start it again"):
        software.check_unchanged()
