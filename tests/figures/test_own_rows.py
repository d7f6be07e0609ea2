"""A user's own rows are drawn, however few they are, or refused in one line that names the file and what is missing."""

import json
from contextlib import contextmanager

import pytest

from figures import (
    accuracy,
    comparison,
    found,
    hole,
    jackpots,
    laws,
    load,
    other_laws,
    regimes,
    requirement,
    rivals,
    style,
    widths,
)
from figures.all import FIGURES
from figures.command import main
from figures.record import Figure, words
from slt.core.command import BAD_INPUT, run

NAMES = [figure.name for figure in FIGURES]
BY_NAME = {figure.name: figure for figure in FIGURES}


@pytest.fixture(autouse=True)
def no_pictures(request, monkeypatch):
    """Most tests here draw and write nothing: pictures take a hundred times longer than rows."""
    if "picture" not in request.fixturenames:
        monkeypatch.setattr(style, "_image", lambda *_: b"")


@pytest.fixture
def picture():
    """Asked for by a test that looks at files."""


def rows_of(path):
    if path.suffix == ".json":
        return json.loads(path.read_text())["rows"]
    return [json.loads(line) for line in path.read_text().splitlines()]


def write(path, rows, like):
    if like.suffix == ".json":
        path.write_text(json.dumps({**json.loads(like.read_text()), "rows": rows}))
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def draw(name, *paths, out):
    return run(main, [name, *map(str, paths), "--out", str(out)], "slt figures")


def some_of(rows):
    """Yield parts of the rows: the first, the last, and those that have one value under a name."""
    yield rows[:1]
    yield rows[-1:]
    for key in (
        "claim",
        "reading",
        "kind",
        "target",
        "way",
        "source",
        "method",
        "start",
        "restriction",
        "place",
        "plan",
    ):
        for value in {row.get(key) for row in rows} - {None}:
            yield [row for row in rows if row.get(key) == value]
    for key in ("prune", "lock", "eps", "sparsity", "width", "lock_first"):
        values = sorted({row[key] for row in rows if isinstance(row.get(key), int | float)})
        for value in values[:1] + values[-1:]:
            yield [row for row in rows if row.get(key) == value]


@pytest.mark.long(keep=1)
@pytest.mark.parametrize("name", NAMES)
def test_some_of_the_rows_are_drawn_or_refused_in_one_line(name, tmp_path, capsys):
    committed = BY_NAME[name].results[-1]
    codes = []
    for number, part in enumerate(some_of(rows_of(committed))):
        path = write(tmp_path / f"own{number}{committed.suffix}", part, committed)
        codes.append(draw(name, path, out=tmp_path))
        said = capsys.readouterr().err
        assert codes[-1] in (0, BAD_INPUT), said
        assert said.count("\n") == (codes[-1] != 0), said
        assert "report it" not in said
        assert codes[-1] == 0 or name in said or path.name in said, said
    assert name == "load" or 0 in codes


@pytest.mark.parametrize("name", NAMES)
def test_a_row_without_something_that_is_needed_is_refused_with_its_name(name, tmp_path, capsys):
    figure = BY_NAME[name]
    committed = figure.results[0]
    for needed in figure.needs:
        first, _, rest = needed.partition(".")
        kind = next((kind for kind in KINDS if kind in (name, KIND.get(name))), None)
        rows = [row for row in rows_of(committed) if kind is None or row.get("kind", kind) == kind]
        row = json.loads(json.dumps(rows[0]))
        inner = row
        for level in needed.split(".")[:-1]:
            inner = inner[level]
        del inner[needed.split(".")[-1]]
        path = write(tmp_path / "own", [row], committed)
        assert draw(name, path, out=tmp_path) == BAD_INPUT
        said = capsys.readouterr().err
        assert str(path) in said, needed
        assert first in said or rest in said or "no rows" in said
        assert "slt " in said
        assert said.count("\n") == 1


KINDS = ("needs", "success", "cover", "widths", "requirement", "places")
KIND = {
    "kept": "requirement",
    "kept_places": "places",
    "laws": "needs",
    "regimes": "needs",
    "success": "success",
    "covered": "cover",
    "widths": "widths",
}


@pytest.mark.parametrize("name", NAMES)
def test_another_experiments_rows_are_refused_with_the_command_that_makes_the_right_ones(name, tmp_path, capsys):
    other = BY_NAME["hole" if name != "hole" else "sweep"].results[0]
    assert draw(name, other, out=tmp_path) == BAD_INPUT
    said = capsys.readouterr().err
    assert str(other) in said
    assert "slt " in said or "python -m benchmarks.load" in said
    assert said.count("\n") == 1


@pytest.mark.long(keep=4)
@pytest.mark.parametrize("name", NAMES)
def test_the_committed_rows_under_another_name_are_drawn_without_what_was_found_in_them(name, tmp_path):
    figure = BY_NAME[name]
    copies = [tmp_path / path.name for path in figure.results]
    for copy, path in zip(copies, figure.results, strict=True):
        copy.write_bytes(path.read_bytes())
    with style.output(own=True):
        assert figure.render(figure.load(*copies), tmp_path)
    assert figure.load(tmp_path) is not None  # the folder stands for the files in it


@pytest.mark.long
def test_a_title_says_of_own_rows_only_what_is_in_them(tmp_path, picture):
    path = write(tmp_path / "own.jsonl", rows_of(hole.RESULT)[:7], hole.RESULT)
    titles = []

    @contextmanager
    def looking(**options):
        with style.panels(**options) as (figure, ax):
            yield figure, ax
            titles.append(ax.get_title())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hole, "panels", looking)
        for words in ([], [str(path)]):
            assert main(["hole", *words, "--out", str(tmp_path)]) == 0
    assert titles[0].startswith("Locked first-layer edges stop the ticket")
    assert titles[1].startswith("Error against width")


def test_several_files_are_drawn_together(tmp_path):
    one, two = rows_of(hole.RESULT)[:7], rows_of(hole.RESULT)[7:14]
    paths = [write(tmp_path / f"{number}", rows, hole.RESULT) for number, rows in enumerate((one, two))]
    assert hole.load(*paths) == one + two
    assert len(requirement.load(requirement.RESULT)) == len(rows_of(requirement.RESULT))


@pytest.mark.long
def test_pictures_of_own_rows_go_to_the_current_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "own.jsonl", rows_of(hole.RESULT)[:7], hole.RESULT)
    assert main(["hole", "own.jsonl"]) == 0
    assert capsys.readouterr().out == "hole.png\nhole.svg\n"


def test_a_picture_is_never_written_over_the_rows(tmp_path, capsys):
    path = write(tmp_path / "hole.png", rows_of(hole.RESULT), hole.RESULT)
    assert draw("hole", path, out=tmp_path) == BAD_INPUT
    assert "must be different files" in capsys.readouterr().err


def test_more_series_than_the_committed_ones_have_looks_of_their_own():
    looks = style.looks(hole.RATES, 20)
    assert looks[:3] == list(hole.RATES)
    assert len(set(looks)) == 20
    with pytest.raises(ValueError, match="can show .* series, got 1000"):
        style.looks(hole.RATES, 1000)


def test_more_rates_and_pairs_are_all_drawn(tmp_path):
    for name, change in (("hole", "lock_first"), ("sweep", "prune"), ("covered", "eps")):
        figure = BY_NAME[name]
        kind = KIND.get(name)
        row = next(row for row in rows_of(figure.results[0]) if kind is None or row["kind"] == kind)
        rows = [{**row, change: 0.01 * number} for number in range(1, 9)]
        assert figure.render(figure.load(write(tmp_path / name, rows, figure.results[0])), tmp_path)


def test_accuracy_draws_data_sets_and_models_that_the_committed_rows_lack(tmp_path):
    rows = rows_of(accuracy.MNIST)
    for row in rows:
        row["settings"] |= {"data_set": "fashion", "width": 0.5, "images": 500}
    points = accuracy.load(write(tmp_path / "own", rows, accuracy.MNIST))
    assert accuracy.colours(points).keys() == {"FASHION (500 images), MLP x 0.5"}
    assert set(accuracy.colours([*points, *accuracy.load()])) == {*accuracy.SETS, "FASHION (500 images), MLP x 0.5"}
    assert {point["text"].rpartition("; ")[2] for point in points} == {str(tmp_path / "own")}


def own_searches(ratios):
    """Rows as ``slt.search`` leaves them, without a name: dense, pruned and frozen sources of these ratios."""
    row = rows_of(accuracy.MNIST)[-1]
    del row["name"]
    found = []
    for p, q in [(F / 2, q) for F in ratios for q in {0, F / 2}]:
        rates = {"model": "MyNet", "data_set": "own", "prune": p, "lock": q}
        found += [{**row, "seed": seed, "settings": {**row["settings"], **rates}} for seed in range(3)]
    return found


def test_rows_of_ones_own_network_need_no_name_and_may_be_json(tmp_path):
    rows = own_searches([0, 0.5])
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    points = accuracy.load(tmp_path / "rows.json")
    assert [p["test"].trials for p in points] == [3, 3, 3]
    assert accuracy.colours(points).keys() == {"own data, MyNet"}
    assert all("own data, MyNet, k = 0.5" in p["text"] for p in points)
    single = [tmp_path / f"{seed}" / "result.json" for seed in range(3)]
    for path, row in zip(single, rows, strict=False):
        path.parent.mkdir()
        path.write_text(json.dumps(row))
    (point,) = accuracy.load(*single)  # the seeds of one setting, a file each
    assert point["test"].trials == 3
    (tmp_path / "rows.json").write_text("[3]")
    with pytest.raises(ValueError, match=r"rows.json has no rows; the figure accuracy draws the file of: slt search"):
        accuracy.load(tmp_path / "rows.json")


def test_several_freezing_ratios_are_drawn_over_the_ratio(tmp_path):
    points = accuracy.load(write(tmp_path / "own", own_searches([0, 0.2, 0.4, 0.8]), accuracy.MNIST))
    with style.panels() as (_, ax):
        accuracy.draw(ax, points, "place")
        assert ax.get_xlabel() == "freezing ratio F of the source"
        curves = [list(line.get_xdata()) for line in ax.get_lines() if len(line.get_xdata()) == 4]
        assert curves == [pytest.approx([0, 0.1, 0.2, 0.4]), pytest.approx([0, 0.2, 0.4, 0.8])]
        assert not any("\n" in label.get_text() for label in ax.get_xticklabels())
    assert not accuracy.several(accuracy.load())


def test_the_committed_names_of_series_follow_from_the_rows():
    assert list(accuracy.colours(accuracy.load())) == list(accuracy.SETS)


def test_rivals_draws_a_data_set_of_which_nothing_is_known_and_searches_that_are_missing(tmp_path):
    rows = [row for row in rows_of(rivals.MNIST) if (row["method"], row["source"]) != ("snip", "dense")]
    for row in rows:
        row["settings"] |= {"data_set": "fashion"}
    (found_rows,) = rivals.load(write(tmp_path / "own", rows, rivals.MNIST))
    assert len(found_rows) == len(rows)
    assert rivals.render([found_rows], tmp_path)


@pytest.mark.parametrize(
    ("module", "rows", "what"),
    [
        (laws, lambda row: row["kind"] == "needs" and row["prune"] == row["lock"] == 0.1, "rows that differ in"),
        (regimes, lambda row: row["kind"] == "needs" and row["lock"] == 0, "at least two pruning and two"),
        (widths, lambda row: row["kind"] == "widths" and row["lock"] * row["prune"], "holds no rows"),
        (comparison, lambda row: row["prune"] > 0, "lack the dense reference"),
        (comparison, lambda row: row["prune"] + row["lock"] == 0, "at least one frozen source"),
        (found, lambda row: False, "holds no rows"),
        (load, lambda row: "digest" not in row, "did not end"),
    ],
)
def test_rows_that_are_not_enough_are_refused_with_what_is_needed(module, rows, what, tmp_path, capsys):
    committed = module.FIGURE.results[0]
    path = write(tmp_path / "own", [row for row in rows_of(committed) if rows(row)], committed)
    assert draw(module.FIGURE.name, path, out=tmp_path) == BAD_INPUT
    assert what in capsys.readouterr().err


def test_jackpots_of_unequal_lengths_are_refused(tmp_path):
    rows = rows_of(jackpots.RESULT)
    for curve in rows[0]["curves"].values():
        curve.pop()
    with pytest.raises(ValueError, match="equally many epochs"):
        jackpots.load(write(tmp_path / "own", rows, jackpots.RESULT))


def test_a_folder_without_results_is_refused_with_their_names(tmp_path, capsys):
    assert draw("accuracy", tmp_path, out=tmp_path) == BAD_INPUT
    assert "holds no mnist.jsonl or graphs.jsonl or cifar10.jsonl, which slt search" in capsys.readouterr().err


def test_values_of_another_kind_are_refused(tmp_path, capsys):
    rows = rows_of(hole.RESULT)
    rows[2]["width"] = "wide"
    assert draw("hole", write(tmp_path / "own", rows, hole.RESULT), out=tmp_path) == BAD_INPUT
    assert "width in" in (said := capsys.readouterr().err)
    assert "line 3" in said


def test_commands_that_do_not_make_the_result_are_noticed():
    with pytest.raises(ValueError, match="the commands of some do not write simulations/results/hole.jsonl"):
        Figure("some", "", (hole.RESULT,), (words("slt simulate hole"),), 1, (), hole.load, hole.render)


@pytest.mark.parametrize("words", [["--law", "normal 0.5"], ["--law", "normal 0.5", "--signed"], ["--keep", "2:4"]])
def test_rows_of_other_numbers_and_choices_are_drawn_too(words, tmp_path, picture):
    from slt.cli import dispatch

    path = tmp_path / "own.json"
    told = ["--lemma", "2.1", "--eps", "0.3", "0.2", "--trials", "100", "--brief", "--json", str(path)]
    assert run(dispatch, ["verify", *words, *told], "slt") == 0
    assert run(main, ["requirement", str(path), "--out", str(tmp_path)], "slt figures") == 0
    drawn = (tmp_path / "requirement.svg").read_text()
    assert ("Choices: 2:4" if "--keep" in words else "Numbers: normal 0.5") in drawn
    rows = json.loads(path.read_text())
    del rows["rows"][0]["delta"]
    path.write_text(json.dumps(rows))
    with pytest.raises(ValueError, match=r"row 0 in .* has no delta"):
        requirement.load(path)


def test_rows_in_which_no_n_suffices_are_refused_in_one_line(tmp_path, capsys):
    from slt.cli import dispatch

    path = tmp_path / "own.json"
    told = ["--law", "constant 1", "--lemma", "2.1", "--eps", "0.3", "--trials", "50", "--json", str(path)]
    assert run(dispatch, ["verify", *told], "slt") == 0
    capsys.readouterr()
    assert run(main, ["requirement", str(path)], "slt figures") == BAD_INPUT
    assert "no n suffices in any of them" in capsys.readouterr().err


def test_every_law_has_a_colour_of_its_own_and_every_series_a_look_of_its_own():
    series = [
        (law, signed, *rates)
        for law in ("uniform", "normal", "constant 1")
        for signed in (False, True)
        for rates in ((0.0, 0.0), (0.2, 0.2))
    ]
    looks = other_laws.by_law(series)
    assert len(set(looks)) == len(series)
    colours = {law: {look[0] for look, each in zip(looks, series, strict=True) if each[0] == law} for law, *_ in series}
    assert [len(each) for each in colours.values()] == [1, 1, 1]
    assert len(set.union(*colours.values())) == 3
    with pytest.raises(ValueError, match="draw fewer rows at a time"):
        other_laws.by_law([(f"normal {k}", False, 0.0, 0.0) for k in range(1, 9)])
