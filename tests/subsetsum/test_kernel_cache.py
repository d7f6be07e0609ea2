"""What numba compiled from older kernel files is never run again."""

from subsetsum.kernels import _drop_stale_caches


def test_a_changed_source_drops_the_caches_and_an_unchanged_one_keeps_them(tmp_path):
    source, cached = tmp_path / "grid.py", tmp_path / "__pycache__" / "grid.decide.nbi"
    source.write_text("one")
    _drop_stale_caches(tmp_path)
    cached.write_text("compiled from one")
    _drop_stale_caches(tmp_path)
    assert cached.exists()
    source.write_text("two")
    _drop_stale_caches(tmp_path)
    assert not cached.exists()
