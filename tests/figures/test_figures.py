"""Figures show the numbers of the committed results, in the committed files, with a text for every point."""

import importlib
import os
import re
import subprocess
import sys
from types import ModuleType

import matplotlib
import numpy as np
import pytest
from PIL import Image

from figures import fresh, requirement
from figures.command import NAMES, main
from figures.plotted import digest, plotted
from figures.style import COLOURS, collected, panels, save, tips
from slt.core.command import BAD_INPUT, run

RENDERED = fresh.ROOT / "figures" / "rendered"  # as committed
TIP = re.compile(r'  <g class="tip".*?\n  </g>\n', re.DOTALL)


def data_of(svg):
    return re.search(r"<dc:description>(data [0-9a-f]{64})</dc:description>", svg)[1]


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_picture_is_what_the_committed_result_draws(name, drawings):
    committed = (RENDERED / f"{name}.svg").read_text()
    received = TIP.sub("", drawings[name])
    # what is drawn is the same on every version of matplotlib, the bytes on the one that the file names
    assert data_of(received) == data_of(committed)
    if f"matplotlib {matplotlib.__version__}" in committed:
        assert received == committed
    with Image.open(RENDERED / f"{name}.png") as image:
        assert image.info["Description"] == data_of(committed)


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_says_texts_commands_and_what_to_see(name, drawings):
    module = importlib.import_module(f"figures.{name}")
    texts = re.findall(r"""class="tip" role="img" aria-label=(?:"([^"]*)"|'([^']*)')""", drawings[name])
    assert len(texts) > 5
    assert all("".join(text).strip() for text in texts)
    assert any("python -m " in "".join(text) for text in texts)
    assert "What to see" in module.__doc__
    assert module.MINUTES > 0
    assert all(path.is_file() for path in fresh.written(module))


def test_a_figure_is_written_as_it_is_committed(tmp_path):
    assert main(["requirement", "--out", str(tmp_path)]) == 0
    assert data_of((tmp_path / "requirement.svg").read_text()) == data_of((RENDERED / "requirement.svg").read_text())
    assert 'class="tip"' not in (tmp_path / "requirement.svg").read_text()
    assert (tmp_path / "requirement.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def panel():
    """One empty panel."""
    with panels() as drawing:
        yield drawing


def test_the_requirement_figure_shows_the_committed_rows(panel):
    rows = [row for row in requirement.load() if row["claim"] == "A.3" and row["reading"] == "uniform"]
    assert len(rows) == 7
    _, ax = panel
    requirement.draw(ax, rows)
    lines = [(line.get_label(), list(line.get_ydata())) for line in ax.get_lines()]
    drawn = dict(lines)
    assert drawn["sufficient (proven)"] == [row["sufficient"] for row in rows]
    assert drawn["necessary (proven)"] == [row["necessary"] for row in rows]
    assert drawn["estimated"] == [row["estimated"] for row in rows]
    assert [row["measured"]["value"] for row in rows] in [y for _, y in lines]
    assert [text.get_text() for text in ax.texts] == ["127"]  # measured at eps = 0.01
    left, right = ax.get_xlim()
    assert left > 0.1  # finer to the right
    assert right < 1e-4


@pytest.mark.parametrize(("verdict", "agree"), [("upheld after correction", True), ("undecided", False)])
def test_the_requirement_figure_claims_agreement_only_where_all_verdicts_do(verdict, agree):
    rows = requirement.load()
    rows[3] = {**rows[3], "verdict": verdict}
    assert ("agrees" in requirement.headline(rows)) == agree


def test_the_requirement_figure_takes_one_precision_and_rows_without_a_value(tmp_path):
    nothing = {"lower": None, "value": None, "upper": None}
    rows = [{**row, "measured": nothing} for row in requirement.load() if row["eps"] == 0.03]
    png, _ = requirement.render(rows, tmp_path)
    assert png.is_file()


@pytest.mark.parametrize(
    "change",
    [
        lambda ax: ax.lines[0].set_ydata([1, 2.0001]),
        lambda ax: ax.lines[0].set_label("other"),
        lambda ax: ax.collections[0].set_offsets([(1, 2.0001)]),
        lambda ax: ax.collections[1].set_segments([[(0, 0), (1, 3)]]),
        lambda ax: ax.patches[0].set_height(3),
        lambda ax: ax.images[0].set_data([[1, 3]]),
        lambda ax: ax.texts[0].set_text("other"),
        lambda ax: ax.set_title("other"),
        lambda ax: ax.plot([1], [1]),
    ],
)
def test_the_digest_notices_every_kind_of_change(panel, change):
    figure, ax = panel
    ax.plot([1, 2], [1, 2], label="line")
    ax.scatter([1], [2])
    ax.vlines([0], 0, 1)
    ax.bar([1], [2])
    ax.imshow([[1, 2]])
    ax.text(0, 0, "word")
    before = digest(figure)
    assert digest(figure) == before
    change(ax)
    assert digest(figure) != before


def test_what_is_not_a_number_is_told_from_what_is(panel):
    figure, ax = panel
    ax.plot([1, 2], np.ma.masked_greater([1.0, 5.0], 2))
    assert plotted(figure)[0]["lines"][0][1] == [["1", "1"], ["2", "nan"]]


def test_tips_lie_on_their_points_and_say_their_texts(panel):
    figure, ax = panel
    ax.plot([1, 2, 3], [1, 10, 100], gid="line")
    with collected() as kept:
        tips(ax, [1, 2, 3], [1, 10, 100], ['"a" < b & c', "π", "out of view"])
        ax.set(yscale="log", xlim=(1, 3), ylim=(1, 50))
        assert save(figure, "some") == []
    labels = re.findall(r'class="tip" role="img" aria-label=(.*)>', kept["some"])
    assert labels == ["'\"a\" &lt; b &amp; c'", '"π"']
    places = re.findall(r'class="tip".*?<use [^>]*x="([\d.]+)" y="([\d.]+)"', kept["some"], re.DOTALL)
    line = re.search(r'id="line">\s*<path d="M ([\d.]+) ([\d.]+) \nL ([\d.]+) ([\d.]+) ', kept["some"])
    assert [float(x) for place in places for x in place] == pytest.approx([float(x) for x in line.groups()], abs=0.01)


def test_tips_do_nothing_outside_of_a_collection_but_count(panel):
    figure, ax = panel
    tips(ax, [1], [1], ["one"])
    assert figure.artists == []
    with pytest.raises(ValueError, match="shorter"):
        tips(ax, [1], [1], [])


def test_a_folder_that_is_not_there_is_made_and_a_missing_result_is_named(tmp_path, capsys):
    assert main(["hole", "--out", str(tmp_path / "new" / "folder")]) == 0
    assert (tmp_path / "new" / "folder" / "hole.png").is_file()
    assert run(main, ["hole", str(tmp_path / "none")], "figures") == BAD_INPUT
    assert capsys.readouterr().err == f"figures: error: {tmp_path / 'none'}: No such file or directory\n"


HOSTILE = {
    "text.usetex": True, "font.size": 40, "font.family": "nonsense", "savefig.dpi": 7, "figure.facecolor": "red",
    "figure.autolayout": True, "svg.fonttype": "none", "svg.hashsalt": "other", "axes.formatter.use_locale": True,
    "path.simplify": False, "lines.marker": "x", "axes.prop_cycle": "cycler('color', ['r'])", "interactive": True,
}  # fmt: skip


@pytest.mark.parametrize("name", ["requirement", "rivals", "regimes"])
def test_a_users_settings_neither_change_a_figure_nor_are_changed_by_it(name, tmp_path):
    assert main([name, "--out", str(tmp_path / "usual")]) == 0
    with matplotlib.rc_context(HOSTILE):
        before = dict(matplotlib.rcParams.copy())
        assert main([name, "--out", str(tmp_path / "hostile")]) == 0
        assert dict(matplotlib.rcParams.copy()) == before
    for kind in ("png", "svg"):
        usual, hostile = ((tmp_path / place / f"{name}.{kind}").read_bytes() for place in ("usual", "hostile"))
        assert usual == hostile


def test_settings_are_as_before_after_a_figure_that_fails():
    before = dict(matplotlib.rcParams.copy())
    with pytest.raises(KeyError), panels():
        raise KeyError("x")
    assert dict(matplotlib.rcParams.copy()) == before


DRAWS = """
import sys
import matplotlib
backend = matplotlib.rcParams._get("backend") if SEEN else None
from figures.command import main
assert main(["hole", "--out", sys.argv[1]]) == 0
assert "matplotlib.pyplot" not in sys.modules
assert not SEEN or matplotlib.rcParams._get("backend") == backend
from matplotlib import pyplot
assert pyplot.get_fignums() == []
assert pyplot.get_backend() == "svg"
"""


@pytest.mark.parametrize("seen", ["True", "False"], ids=["matplotlib was imported", "it was not"])
def test_a_users_backend_and_figures_are_left_alone(seen, tmp_path):
    words = [sys.executable, "-c", DRAWS.replace("SEEN", seen), str(tmp_path)]
    variables = os.environ | {"MPLBACKEND": "svg"}
    done = subprocess.run(words, cwd=fresh.ROOT, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("variables", [{"MPLBACKEND": "nonsense"}, {"MATPLOTLIBRC": "bad"}], ids=str)
def test_figures_are_drawn_where_matplotlib_cannot_be_imported_with_the_users_settings(variables, tmp_path):
    (tmp_path / "bad").write_bytes(b"\xff\xfe")
    words = [sys.executable, "-m", "slt", "figures", "hole", "--out", "there"]
    variables = {**os.environ, **variables, "PYTHONPATH": str(fresh.ROOT)}
    done = subprocess.run(words, cwd=tmp_path, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert data_of((tmp_path / "there" / "hole.svg").read_text()) == data_of((RENDERED / "hole.svg").read_text())


def test_without_out_figures_are_drawn_into_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = (RENDERED / "hole.svg").stat().st_mtime_ns
    assert main(["hole"]) == 0
    assert (tmp_path / "figures" / "rendered" / "hole.svg").is_file()
    assert (RENDERED / "hole.svg").stat().st_mtime_ns == before


def test_an_unknown_figure_is_refused_with_the_known_names(capsys):
    assert run(main, ["nope"], "figures") == BAD_INPUT
    assert "known: requirement" in capsys.readouterr().err


@pytest.fixture
def invented(monkeypatch):
    """A figure whose command writes "new", and which says what it draws."""
    module = ModuleType("figures.invented")
    module.RESULT = fresh.ROOT / "simulations" / "results" / "hole.jsonl"
    module.COMMAND = 'python -c \'import sys; open(sys.argv[1], "w").write("new")\' simulations/results/hole.jsonl'
    module.MINUTES = 0.5
    module.main = lambda argv: sys.stdout.write(f"drawn {' '.join(argv)}\n")
    monkeypatch.setitem(sys.modules, "figures.invented", module)
    monkeypatch.setitem(NAMES, "invented", "a test")
    return module


def test_fresh_says_the_time_runs_the_commands_and_draws_their_result(invented, tmp_path, capsys):
    before = invented.RESULT.read_bytes()
    assert main(["invented", "--fresh", "--out", str(tmp_path / "new")]) == 0
    result = tmp_path / "new" / "simulations" / "results" / "hole.jsonl"
    assert result.read_text() == "new"
    assert invented.RESULT.read_bytes() == before
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "invented: about 0.5 minutes on two cores"
    assert said[1].strip() == invented.COMMAND
    assert said[-1] == f"drawn {result} --out {tmp_path / 'new'}"


def test_fresh_never_writes_over_a_result(invented, tmp_path, capsys):
    assert run(main, ["invented", "--fresh"], "figures") == BAD_INPUT
    assert "--fresh needs --out DIR" in capsys.readouterr().err
    for _ in range(2):
        code = run(main, ["invented", "--fresh", "--out", str(tmp_path)], "figures")
    assert code == BAD_INPUT
    assert "exists already" in capsys.readouterr().err


def test_fresh_stops_at_a_command_that_fails(invented, tmp_path, capsys):
    invented.COMMAND = f"python -c 'import sys; sys.exit(3)'\n{invented.COMMAND}"
    assert run(main, ["invented", "--fresh", "--out", str(tmp_path)], "figures") == BAD_INPUT
    assert "exit code 3" in capsys.readouterr().err
    assert not (tmp_path / "simulations" / "results" / "hole.jsonl").exists()


def test_a_command_of_two_figures_runs_once(invented, monkeypatch, tmp_path):
    invented.COMMAND = invented.COMMAND.replace('"w"', '"a"')
    for name in list(NAMES):
        monkeypatch.setitem(sys.modules, f"figures.{name}", invented)
    assert main(["--fresh", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "simulations" / "results" / "hole.jsonl").read_text() == "new"


def test_modules_are_those_of_the_repository_whatever_lies_in_the_folder(tmp_path):
    (tmp_path / "simulations" / "results").mkdir(parents=True)
    fresh.rerun("python -c 'import simulations.lemmas.verdicts'", tmp_path)


def test_commands_that_do_not_make_the_result_are_noticed(invented):
    invented.COMMAND = "python -m one --to simulations/results/other.jsonl"
    with pytest.raises(ValueError, match="do not write"):
        fresh.written(invented)


def test_what_a_legend_names_has_its_colour(looked_at):
    """One convention for bounds and estimates, whatever the figure."""
    kinds = {"necessary": "necessary", "sufficient": "sufficient", "estimated": "estimated", "proven": "sufficient"}
    seen = set()
    for name, (_, lines) in looked_at.items():
        for label, colour in lines:
            kind = kinds.get(label.split()[0])
            if kind is not None:
                assert colour == COLOURS[kind], (name, label)
                seen.add((name, kind))
    assert len(seen) >= 8
    assert ("factors", "estimated") in seen
