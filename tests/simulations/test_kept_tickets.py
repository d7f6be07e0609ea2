"""Existence tickets that keep N of every M edges: they comply, checks say no, they resume, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from simulations.existence.build import build
from simulations.existence.check import check, check_groups
from simulations.existence.command import main
from simulations.existence.errors import adversarial, certified_bound, collapsed, difference
from simulations.existence.source import Source
from simulations.existence.target import Target
from slt.core.command import BAD_INPUT, run
from slt.core.keep import Groups, groups_of

EPS = (1e-3, 1e-3)


def small(prune=0.0, lock=0.0, seed=0, low=0.0):
    rng = np.random.default_rng(seed)
    weights = tuple(rng.uniform(-0.5, 0.5, shape) for shape in ((2, 3), (2, 2)))
    source = Source(seed, (3, 2, 2), (48, 24), (prune,) * 3, (0.0, lock, lock))
    return Target("small", weights, low=np.asarray(low)), source


@pytest.mark.parametrize(("keep", "prune", "lock"), [("2:4", 0, 0), ("1:3", 0, 0), ("2:4 lenient", 0.15, 0.15)])
def test_a_ticket_complies_and_is_what_it_says(keep, prune, lock):
    target, source = small(prune, lock)
    groups = groups_of(keep)
    ticket = build(source, target, EPS, groups=groups)
    found = check_groups(ticket, groups)
    assert (found.groups, found.wrong) == ((48 * 48 * 3 + 2 * 48) // groups.of, 0)
    if keep == "2:4":
        assert found.bits == pytest.approx(found.groups * np.log2(6))
    upper = collapsed(ticket)
    inputs = np.concatenate([np.random.default_rng(1).uniform(0, 1, (20, 3)), adversarial(target, upper, 1)])
    verdict = check(ticket, inputs)
    assert (verdict.locked_dropped, verdict.pruned_kept) == (0, 0)
    assert verdict.weight_gap <= 1e-12
    observed = float(np.abs(difference(target, upper, inputs)).max())
    assert observed <= certified_bound(ticket, target, upper).certified
    for layer, w, eps in zip(ticket.layers, target.parted, (0.02, 0.02), strict=True):
        copies = len(layer.weights) // len(w)
        assert np.median(np.abs(layer.weights - np.repeat(w, copies, axis=0))) < eps


def naive_wrong(ticket, groups):
    """Groups that do not comply, edge by edge."""
    wrong = 0
    for number, layer in enumerate(ticket.layers):
        width = ticket.source.widths[number + 1]
        for row, mask in enumerate(layer.masks):
            _, states = ticket.source.rows(number + 2, row, 1)
            kept = [bool(mask[j // 8] >> (j % 8) & 1) for j in range(width)]
            for first in range(0, width, groups.of):
                part = range(first, first + groups.of)
                locked, left = (sum(states[0][j] == 1 for j in part), sum(states[0][j] != -1 for j in part))
                wanted = min(max(groups.kept, locked), left) if groups.lenient else groups.kept
                wrong += sum(kept[j] for j in part) != wanted
    return wrong


@pytest.mark.parametrize("keep", ["2:4", "2:4 lenient"])
def test_groups_that_do_not_comply_are_counted(keep):
    target, source = small(*((0.2, 0.2) if "lenient" in keep else (0, 0)))
    groups = groups_of(keep)
    ticket = build(source, target, EPS, groups=groups)
    broken = ticket.layers[1].masks.copy()
    broken[0, 0] ^= 1
    broken[1, 2] ^= 16
    changed = replace(ticket, layers=(ticket.layers[0], replace(ticket.layers[1], masks=broken)))
    assert check_groups(changed, groups).wrong == naive_wrong(changed, groups) == 2
    free = build(source, target, EPS)  # choices of any size
    assert check_groups(free, groups).wrong == naive_wrong(free, groups) > 100


def test_a_build_that_was_cut_off_goes_on_to_the_same_bits(tmp_path):
    target, source = small()
    groups = Groups(2, 4)
    whole = build(source, target, EPS, tmp_path, groups=groups)
    removed = sorted(tmp_path.glob("layer2-*.npz"))[0]
    removed.unlink()
    again = build(source, target, EPS, tmp_path, groups=groups)
    for one, other in zip(whole.layers, again.layers, strict=True):
        np.testing.assert_array_equal(one.masks, other.masks)
        np.testing.assert_array_equal(one.weights, other.weights)
    with pytest.raises(ValueError, match="holds the parts of another build"):
        build(source, target, EPS, tmp_path)


def test_what_groups_cannot_be_built_of_is_refused():
    target, source = small()
    with pytest.raises(ValueError, match="blocks must be multiples of 5 for keep 2:5, block 1 has 48"):
        build(source, target, EPS, groups=Groups(2, 5))
    target, source = small(low=-1.0)
    with pytest.raises(ValueError, match="keep 2:4 needs inputs that are never negative"):
        build(source, target, EPS, groups=Groups(2, 4))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--keep", "2:4"], "--keep needs block sizes by --width"),
        (["--keep", "5:4", "--width", "48"], "keep must be N:M"),
        (["--keep", "2:4", "--width", "48"], "cannot hold in all groups where something is frozen"),
        (["--keep", "2:4", "--width", "48", "--smallest"], "--smallest looks for widths without --keep"),
        (["--keep", "2:4", "--mode", "weights"], "--keep is for --mode network"),
    ],
)
def test_bad_options_are_one_line(options, message, capsys):
    assert run(main, options, "slt simulate existence") == BAD_INPUT
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.long
def test_the_command_builds_a_ticket_of_the_digits(tmp_path, capsys):
    target = tmp_path / "target.npz"
    rng = np.random.default_rng(0)
    np.savez(target, w1=rng.uniform(-0.5, 0.5, (2, 3)), w2=rng.uniform(-0.5, 0.5, (2, 2)))
    dense = ["--target", str(target), "--prune", "0", "--lock", "0"]
    options = [*dense, "--keep", "2:4", "--width", "48,24", "--eps", "1"]
    assert main(options) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "0 keep another number" in text
    assert "identical within rounding" in text
