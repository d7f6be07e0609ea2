"""The report of a user's own run shows that run, and says nothing of the committed results."""

import json
import re
from html import unescape

import pytest

from figures.report import claims, main
from figures.report.page import page
from figures.report.results import of_run, published


@pytest.fixture
def result():
    found = claims.load()
    rows = [row for row in found["rows"] if row["claim"] == "A.3" and row["eps"] >= 0.01]
    return found | {"rows": rows, "settings": found["settings"] | {"eps": [0.1, 0.03, 0.01]}}


def test_a_folder_of_the_main_job_is_shown_with_its_lemmas_alone(tmp_path, result):
    (tmp_path / "requirement.json").write_text(json.dumps(result))
    found = of_run(tmp_path)
    assert [figure.name for figure, _ in found.pictures] == ["requirement"]
    text = page([], found)
    assert "a run of your own" in text
    assert text.count('<article class="card">') == 1
    assert "Numbers of Lemma A.3" in text
    assert "Numbers of Lemma 2.1" not in text
    assert 'id="trials"' not in text
    assert "Whole networks" not in text


def test_a_file_of_another_law_is_a_table(tmp_path, result):
    rows = [{name: value for name, value in row.items() if name != "claim"} for row in result["rows"]]
    path = tmp_path / "law.json"
    path.write_text(json.dumps(result | {"rows": rows}))
    found = of_run(path)
    assert found.pictures == ()
    text = page([], found)
    part = text[text.index('aria-label="Numbers of this run"') :]
    cells = [unescape(cell) for cell in re.findall("<td>(.*?)</td>", part[: part.index("</table>")])]
    assert cells[: len(claims.OTHER_COLUMNS)] == list(claims.other_laws(rows)[0])
    assert str(rows[0]["necessary"]) in cells


def test_other_rows_in_the_folder_are_drawn_from_there(tmp_path):
    committed = next(paths for figure, paths in published().pictures if figure.name == "hole")
    (tmp_path / "hole.jsonl").write_bytes(committed[0].read_bytes())
    found = of_run(tmp_path)
    assert [(figure.name, paths) for figure, paths in found.pictures] == [("hole", (tmp_path / "hole.jsonl",))]
    assert main(["--results", str(tmp_path), "--out", str(tmp_path / "own.html")]) == 0
    text = (tmp_path / "own.html").read_text()
    assert str(tmp_path / "hole.jsonl") in text
    assert "What to see" not in text  # it speaks of the committed rows
    assert ">refuted</strong>" in text


@pytest.mark.parametrize("content", [None, "{}", '{"settings": {}, "versions": {}, "command": "", "rows": []}'])
def test_what_cannot_be_shown_is_told(tmp_path, content):
    if content is not None:
        (tmp_path / "requirement.json").write_text(content)
    with pytest.raises(ValueError, match=r"requirement\.json"):
        of_run(tmp_path)


def test_a_report_is_not_written_over_what_it_shows(tmp_path, result):
    path = tmp_path / "requirement.json"
    path.write_text(json.dumps(result))
    with pytest.raises(ValueError, match="must be different files"):
        main(["--results", str(path), "--out", str(path)])
