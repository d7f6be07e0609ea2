"""A file is the old one or the new one, has the mode that it should have, and nothing else changes its mode."""

import os
import stat

import pytest

from slt.core.files import check_new, check_writable, write_atomically


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask():
    """Set the umask of this process; it is as before afterwards."""
    before = os.umask(0o22)
    yield os.umask
    os.umask(before)


@pytest.mark.parametrize("mask", [0o22, 0o77, 0o02, 0o27, 0])
def test_a_new_file_has_the_mode_that_open_gives(tmp_path, umask, mask):
    umask(mask)
    write_atomically(tmp_path / "ours", "x")
    (tmp_path / "plain").touch()
    assert mode(tmp_path / "ours") == mode(tmp_path / "plain") == 0o666 & ~mask


@pytest.mark.parametrize("kept", [0o600, 0o644, 0o664, 0o640])
def test_a_replaced_file_keeps_its_mode(tmp_path, kept):
    (tmp_path / "ours").touch()
    (tmp_path / "ours").chmod(kept)
    write_atomically(tmp_path / "ours", "x")
    assert mode(tmp_path / "ours") == kept


def test_no_umask_is_set_while_files_are_written(tmp_path, monkeypatch):
    def refuse(mask):
        raise AssertionError("files of other threads would get another mode")

    monkeypatch.setattr(os, "umask", refuse)
    write_atomically(tmp_path / "ours", "x")
    check_writable(tmp_path / "ours")


def test_a_secret_file_is_never_open_to_others_while_it_is_replaced(tmp_path, monkeypatch, umask):
    umask(0o22)
    (tmp_path / "ours").touch(mode=0o600)
    seen = []

    def look(handle):
        seen.extend(mode(path) for path in tmp_path.iterdir())

    monkeypatch.setattr(os, "fsync", look)
    write_atomically(tmp_path / "ours", "secret")
    assert seen == [0o600, 0o600]


@pytest.mark.parametrize("write", [lambda path: write_atomically(path, "x"), check_writable, check_new])
def test_links_in_a_circle_are_told_and_kept(tmp_path, write):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "self").symlink_to("self")
    for name in ("a", "b", "self", "a/x", "self/x"):
        with pytest.raises(OSError, match=r"(symbolic links|cannot be written)"):
            write(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "self"]


def test_a_dangling_link_leads_to_a_new_file(tmp_path):
    (tmp_path / "link").symlink_to("new")
    check_new(tmp_path / "link")
    write_atomically(tmp_path / "link", "x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "new").read_text() == "x"


def test_the_longest_names_can_be_written(tmp_path):
    for name in ("n" * 255, "ä" * 127):
        write_atomically(tmp_path / name, "x")
        assert (tmp_path / name).read_text() == "x"


def test_nothing_is_left_of_a_write_that_failed(tmp_path, monkeypatch):
    for name in ("chmod", "fsync", "replace"):
        (tmp_path / "ours").write_text("old")
        with monkeypatch.context() as patch:
            patch.setattr(os, name, lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                write_atomically(tmp_path / "ours", "new")
        assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]
