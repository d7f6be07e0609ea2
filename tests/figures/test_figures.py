"""Figures show the numbers of the committed results, in the committed files, with a text for every point."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

from figures import command, fresh, hole, paper, requirement, style
from figures.all import FIGURES
from figures.command import main
from figures.plotted import digest, plotted
from figures.record import Figure
from figures.style import COLOURS, FORMATS, collected, output, panels, save, tips
from slt.core.command import BAD_INPUT, run
from slt_verify import HOME

ROOT = Path(HOME)
RENDERED = ROOT / "figures" / "rendered"  # as committed
NAMES = [figure.name for figure in FIGURES]
PAIRED = ("hole", "calibration", "found", "interval")  # in two columns: one panel, two by two, rows of three
TIP = re.compile(r'  <g class="tip".*?\n  </g>\n', re.DOTALL)


def data_of(svg):
    return re.search(r"<dc:description>(data [0-9a-f]{64})</dc:description>", svg)[1]


@pytest.mark.long(keep=3)
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


SLOW = ("best_places",)  # predicts every place of its rows


@pytest.mark.parametrize(
    "figure", [pytest.param(f, id=f.name, marks=[pytest.mark.long] * (f.name in SLOW)) for f in FIGURES]
)
def test_every_figure_says_texts_commands_and_what_to_see(figure, drawings):
    texts = re.findall(r"""class="tip" role="img" aria-label=(?:"([^"]*)"|'([^']*)')""", drawings[figure.name])
    texts = ["".join(text) for text in texts]
    assert len(texts) > 5
    assert all(text.strip() for text in texts)
    assert any("; slt " in text or "; python -m " in text for text in texts)
    assert "What to see" in figure.words()
    assert figure.minutes > 0
    assert all(path.is_file() for path in figure.results)


@pytest.mark.parametrize("figure", FIGURES, ids=NAMES)
def test_the_commands_of_every_figure_are_ours_and_take_their_options(figure):
    from simulations.experiments import EXPERIMENTS
    from slt.cli import COMMANDS

    for words in figure.commands:
        assert words[0] == "slt" or words[:3] == ("python", "-m", "benchmarks.load")
        if words[0] == "slt":
            assert words[1] in COMMANDS
            assert words[1] != "simulate" or words[2] in EXPERIMENTS


@pytest.mark.long
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


@pytest.mark.parametrize(("verdict", "agree"), [("consistent", True), ("undecided", False)])
def test_the_requirement_figure_claims_agreement_only_where_all_verdicts_do(verdict, agree):
    rows = requirement.load()
    rows[3] = {**rows[3], "verdict": verdict}
    assert ("agrees" in requirement.headline(rows)) == agree


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.long
@pytest.mark.parametrize("seen", ["True", "False"], ids=["matplotlib was imported", "it was not"])
def test_a_users_backend_and_figures_are_left_alone(seen, tmp_path):
    words = [sys.executable, "-c", DRAWS.replace("SEEN", seen), str(tmp_path)]
    variables = os.environ | {"MPLBACKEND": "svg"}
    done = subprocess.run(words, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.long
@pytest.mark.parametrize("variables", [{"MPLBACKEND": "nonsense"}, {"MATPLOTLIBRC": "bad"}], ids=str)
def test_figures_are_drawn_where_matplotlib_cannot_be_imported_with_the_users_settings(variables, tmp_path):
    (tmp_path / "bad").write_bytes(b"\xff\xfe")
    words = [sys.executable, "-m", "slt", "figures", "hole", "--out", "there"]
    variables = {**os.environ, **variables, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=tmp_path, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert data_of((tmp_path / "there" / "hole.svg").read_text()) == data_of((RENDERED / "hole.svg").read_text())


@pytest.mark.long
def test_without_out_figures_are_drawn_into_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = (RENDERED / "hole.svg").stat().st_mtime_ns
    assert main(["hole"]) == 0
    assert (tmp_path / "figures" / "rendered" / "hole.svg").is_file()
    assert (RENDERED / "hole.svg").stat().st_mtime_ns == before


def test_an_unknown_figure_is_refused_with_the_known_names(capsys):
    assert run(main, ["nope"], "figures") == BAD_INPUT
    assert "known: requirement" in capsys.readouterr().err


RESULT = hole.RESULT
NEW = "import sys; open(sys.argv[1], 'a').write('new')"
WRITE = ("python", "-c", NEW, "simulations/results/hole.jsonl")


def made(*commands, name="invented"):
    """A figure with these commands, which says what it draws."""

    def said(data, out):
        print(f"drawn {data} in {out}")
        return []

    return Figure(name, "a test", (RESULT,), commands, 0.5, (), lambda *paths: paths[0], said)


@pytest.fixture
def invented(monkeypatch):
    """A figure whose command writes "new"."""
    figure = made(WRITE)
    monkeypatch.setattr(command, "FIGURES", (figure,))
    return figure


def test_fresh_says_the_time_runs_the_commands_and_draws_their_result(invented, tmp_path, capsys):
    before = RESULT.read_bytes()
    assert main(["invented", "--fresh", "--out", str(tmp_path / "new")]) == 0
    result = tmp_path / "new" / "simulations" / "results" / "hole.jsonl"
    assert result.read_text() == "new"
    assert RESULT.read_bytes() == before
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "invented: about 0.5 minutes on two cores"
    assert said[1].strip() == invented.again() == shlex.join(WRITE)
    assert said[-1] == f"drawn {result} in {tmp_path / 'new'}"


def test_fresh_never_writes_over_a_result(invented, tmp_path, capsys):
    assert run(main, ["invented", "--fresh"], "figures") == BAD_INPUT
    assert "--fresh needs --out DIR" in capsys.readouterr().err
    assert run(main, ["invented", "rows", "--fresh", "--out", str(tmp_path)], "figures") == BAD_INPUT
    assert "it goes with no file, got rows" in capsys.readouterr().err
    for _ in range(2):
        code = run(main, ["invented", "--fresh", "--out", str(tmp_path)], "figures")
    assert code == BAD_INPUT
    assert "exists already" in capsys.readouterr().err


def test_fresh_stops_at_a_command_that_fails(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(command, "FIGURES", (made(("python", "-c", "import sys; sys.exit(3)"), WRITE),))
    assert run(main, ["invented", "--fresh", "--out", str(tmp_path)], "figures") == BAD_INPUT
    assert "exit code 3" in capsys.readouterr().err
    assert not (tmp_path / "simulations" / "results" / "hole.jsonl").exists()


def test_fresh_names_a_result_that_no_command_wrote(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(command, "FIGURES", (made(("python", "-c", "pass", "simulations/results/hole.jsonl")),))
    assert run(main, ["invented", "--fresh", "--out", str(tmp_path)], "figures") == BAD_INPUT
    assert "the commands of invented did not write" in capsys.readouterr().err


def test_a_command_of_two_figures_runs_once(monkeypatch, tmp_path):
    monkeypatch.setattr(command, "FIGURES", (made(WRITE), made(WRITE, name="other")))
    assert main(["--fresh", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "simulations" / "results" / "hole.jsonl").read_text() == "new"


@pytest.mark.long
def test_modules_are_those_of_the_repository_whatever_lies_in_the_folder(tmp_path):
    (tmp_path / "simulations" / "results").mkdir(parents=True)
    fresh.rerun(["python", "-c", "import simulations.lemmas.verdicts"], tmp_path)
    fresh.rerun(["slt", "figures", "--help"], tmp_path)


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


PAPERS = [(figure, 1) for figure in FIGURES] + [(figure, 2) for figure in FIGURES if figure.name in PAIRED]


@pytest.mark.long(keep=1)
@pytest.mark.parametrize(("figure", "columns"), PAPERS, ids=lambda value: getattr(value, "name", value))
def test_for_a_paper_every_text_has_its_size_and_lies_in_the_width_of_the_columns(
    figure, columns, monkeypatch, tmp_path
):
    from matplotlib.text import Text

    sizes = []

    def look(drawn, _):
        drawn.draw_without_rendering()
        width, height = drawn.get_size_inches()
        assert width == paper.WIDTHS[columns]
        for text in drawn.findobj(Text):
            if text.get_text() and text.get_visible():
                sizes.append(text.get_fontsize())
        box = drawn.get_tightbbox()
        assert (box.x0 > -0.02, box.x1 < width + 0.02, box.y0 > -0.02, box.y1 < height + 0.02) == (True,) * 4
        boxes = [ax.get_tightbbox() for ax in drawn.axes if ax.axison and ax.get_label() != "<colorbar>"]
        boxes += [legend.get_window_extent() for legend in drawn.legends]
        for number, one in enumerate(boxes):
            for other in boxes[:number]:
                across = min(one.x1, other.x1) - max(one.x0, other.x0)
                upright = min(one.y1, other.y1) - max(one.y0, other.y0)
                assert min(across, upright) < 2  # hundredths of an inch
        return b""

    monkeypatch.setattr(style, "_image", look)
    with output(["pdf"], columns):
        figure.render(figure.load(), tmp_path)
    assert min(sizes) >= 9


@pytest.mark.long
def test_every_text_of_the_usual_pictures_has_at_least_9_points(monkeypatch, tmp_path):
    from matplotlib.text import Text

    sizes = []

    def look(drawn, _):
        sizes.extend(text.get_fontsize() for text in drawn.findobj(Text) if text.get_text())
        return b""

    monkeypatch.setattr(style, "_image", look)
    for figure in FIGURES:
        figure.render(figure.load(), tmp_path)
    assert min(sizes) >= 9


@pytest.mark.long
def test_formats_are_those_that_were_asked_for(tmp_path, capsys):
    assert main(["load", "--out", str(tmp_path), "--format", *FORMATS, "--columns", "1"]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / f"load.{kind}") for kind in FORMATS]
    with Image.open(tmp_path / "load.png") as image:
        assert image.size[0] == round(300 * paper.WIDTHS[1])
    pdf = (tmp_path / "load.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert b"/Type3" not in pdf
    assert main(["load", "--out", str(tmp_path / "again"), "--format", "pdf", "--columns", "1"]) == 0
    assert (tmp_path / "again" / "load.pdf").read_bytes() == pdf
    assert [path.name for path in (tmp_path / "again").iterdir()] == ["load.pdf"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["hole", "--format", "gif"], "invalid choice: 'gif'"),
        (["hole", "--columns", "3"], "invalid choice: 3"),
        (["hole", "none.jsonl"], "none.jsonl: No such file or directory"),
    ],
)
def test_bad_options_are_one_line(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(main, words, "slt figures") == BAD_INPUT
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_output_refuses_what_it_cannot_write():
    with pytest.raises(ValueError, match="format must be one of png, svg, pdf"), output(["gif"]):
        pass
    with pytest.raises(ValueError, match="columns must be 1 or 2, got 3"), output(columns=3):
        pass
