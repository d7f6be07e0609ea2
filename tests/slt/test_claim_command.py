"""``slt claim`` and ``slt claims``: exit codes, every form of output, and what is said of reconstructed forms."""

import csv
import io
import json
import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest

from slt.cli import claims as claims_command
from slt.cli import dispatch
from slt.cli.claim import COLUMNS, number
from slt.core.command import REFUTED, run
from theory.claim import Claim, Correction
from theory.claims import LEDGER
from torch_backend.experiments import EXPERIMENTS

FORMS = {
    "refuted": "C * log(1/eps)",
    "proven": "C * log(2/min(delta, eps))",
    "open": "C + 2 * log(2/min(delta, eps))",
}
JUDGED = [key for key, claim in LEDGER.items() if not claim.unjudged]


def _file(tmp_path, form, more=""):
    path = tmp_path / "toy.toml"
    path.write_text(
        f'[claim]\nkey = "T.1"\npaper = "Toy 2026"\nnumber = "Lemma 1"\nreading = "uniform"\nform = "{form}"\n{more}'
    )
    return str(path)


def _shown(capsys, *words):
    code = run(dispatch, words, "slt")
    out, err = capsys.readouterr()
    assert all(line.startswith("Claim") and "% done" in line for line in err.splitlines())  # progress alone
    return code, out


@pytest.mark.parametrize("word", FORMS)
def test_exit_code_1_means_refuted(word, tmp_path, capsys):
    code, out = _shown(capsys, "claim", _file(tmp_path, FORMS[word]), "--brief")
    assert code == (REFUTED if word == "refuted" else 0)
    assert f"Verdict at p = 0, q = 0: {word} (no source is given)" in out
    assert "Source: not given" in out
    assert "reconstructed" not in out


@pytest.mark.parametrize(
    ("form", "known", "code", "said"),
    [
        ("refuted", "refuted", 0, "The verdict is refuted, as its file says."),
        ("refuted", "open", REFUTED, "The verdict is refuted, but its file says: open."),
        ("proven", "refuted", 0, "The verdict is proven, but its file says: refuted."),
    ],
)
def test_only_a_refutation_that_was_not_known_ends_with_1(form, known, code, said, tmp_path, monkeypatch, capsys):
    path = _file(tmp_path, FORMS[form], f'known = "{known}"\n')
    found, out = _shown(capsys, "claim", path, "--brief")
    assert found == code
    assert said in " ".join(out.split())
    from theory import claims as ledger
    from theory.claim import read_claim

    monkeypatch.setattr(ledger, "LEDGER", {"T.1": read_claim(path)})
    assert _shown(capsys, "claims")[0] == code


def test_a_known_verdict_is_one_of_the_verdicts(tmp_path, capsys):
    assert run(dispatch, ["claim", _file(tmp_path, FORMS["open"], 'known = "false"\n')], "slt") == 2
    assert "known must be one of proven, refuted, corrected, open, not judged" in capsys.readouterr().err


@pytest.mark.long
def test_the_page_of_the_ledger_is_what_the_command_prints(capsys):
    page = (Path(__file__).parents[2] / "docs" / "ledger.md").read_text()
    code, out = _shown(capsys, "claims", "--full", "--markdown")
    assert code == 0
    assert page.endswith("\n" + out.rstrip() + "\n")


def test_the_page_of_the_ledger_holds_every_claim_in_order():
    page = (Path(__file__).parents[2] / "docs" / "ledger.md").read_text()
    lemmas, tickets = page.split("\n**Claims about searched tickets")
    rows = [line.split(" | ") for line in lemmas.splitlines() if line.startswith("| ")]
    assert [row[0].removeprefix("| ").partition(" (")[0] for row in rows[1:]] == list(LEDGER)
    assert re.findall(r"^\| (E\d+) \|", tickets, re.MULTILINE) == list(EXPERIMENTS)
    for row, claim in zip(rows[1:], LEDGER.values(), strict=True):
        assert (row[1] == "not judged") == bool(claim.unjudged)
        part = page.partition(f"\n**{claim.key}** (")[2].partition("\n\n**")[0].partition("\n\n## ")[0]
        assert f"source {claim.source}" in part
        assert f"\n- {row[1]}: " in part
        assert (f"- `slt claim {shlex.quote(claim.key)}" in part) == (not claim.unjudged)
    assert max(map(len, page.splitlines())) < 600


@pytest.mark.long
def test_the_verdicts_that_the_ledger_calls_known_are_those_found():
    for claim in LEDGER.values():
        if claim.known:
            assert claim.judged(0.4, 0.3).word == claim.known


@pytest.mark.long
def test_a_corrected_claim_ends_with_0_and_shows_both_forms(capsys):
    code, out = _shown(capsys, "claim", "2.2", "--brief", "--prune", "0")
    assert code == 0
    words = " ".join(out.split())
    assert "corrected (its form is reconstructed)" in words
    assert "is refuted for every C: as p -> 0" in words
    assert "Corrected (thinning form)" in words
    assert words.count("is necessary") == 4


def test_a_claim_with_a_proof_of_its_own_shows_it_and_its_witnesses(capsys):
    code, out = _shown(capsys, "claim", "Natale 2024, Cor. 1")
    words = " ".join(out.split())
    assert code == 0
    assert "The statement is refuted for every C: in the text that we read" in words
    assert words.count("success has probability at most") == 4
    assert "Proof: theory.natale2024.corollary_1." in words
    assert "No constants at single points: the verdict rests on a proof of its own." in words
    row = json.loads(_shown(capsys, "claim", "Natale 2024, Cor. 2", "--json")[1])
    assert (row["verdict"], row["corrected"]["constant"], row["points"]) == ("corrected", 147, [])
    assert row["published"]["witnesses"][0]["needed"] is None


def test_a_claim_that_is_not_judged_says_why(capsys):
    code, out = _shown(capsys, "claim", "Borgs 2001, threshold")
    assert code == 0
    assert "Verdict: not judged. speaks of integers" in " ".join(out.split())


def test_a_quoted_form_is_not_called_reconstructed(tmp_path, capsys):
    more = 'source = "quoted"\nquote = "so many suffice"\n'
    _, out = _shown(capsys, "claim", _file(tmp_path, FORMS["proven"], more), "--brief")
    assert "Source: quoted: so many suffice" in out
    assert "reconstructed" not in out


@pytest.mark.parametrize(
    "words",
    [
        ["claim", "2.1", "--prune", "0.6", "--lock", "0.4"],
        ["claim", "2.1", "--prune", "nan"],
        ["claim", "2.1", "--lock", "-0.1"],
        ["claim", "2.1", "--prune", "x"],
        ["claim"],
        ["claim", ""],
        ["claim", "2.1", "A.2"],
        ["claims", "--prune", "1"],
        ["claims", "nothing of that name"],
        ["claim", "Pensia"],
        ["claim", "2.1", "--json", "--csv"],
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words, capsys):
    assert run(dispatch, words, "slt") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1


def test_a_domain_without_points_is_said(tmp_path, capsys):
    code, out = _shown(capsys, "claim", _file(tmp_path, FORMS["proven"], "min_at_most = 1e-200\n"))
    assert code == 0
    assert "none of those that are looked at lies in the domain of the form" in " ".join(out.split())


@pytest.mark.long
def test_every_form_of_output_of_one_claim(tmp_path, capsys):
    path = _file(tmp_path, FORMS["proven"])
    found = json.loads(_shown(capsys, "claim", path, "--json")[1])
    assert found["verdict"] == "proven"
    assert found["claim"]["key"] == "T.1"
    assert found["claim"]["source"] == "not given"
    assert found["published"]["constant"] > 10
    assert len(found["points"]) == 7
    for point in found["points"]:
        assert point["necessary"] <= point["sufficient"]
        assert point["refuted_to"] < point["proven_from"] < found["published"]["constant"]
    rows = list(csv.reader(io.StringIO(_shown(capsys, "claim", path, "--csv")[1].strip())))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 8
    latex = _shown(capsys, "claim", path, "--latex")[1]
    assert latex.startswith("\\begin{table}\n")
    markdown = _shown(capsys, "claim", path, "--markdown")[1]
    assert {line[0] for line in markdown.splitlines() if line} == {"*", "|"}


@pytest.mark.long
def test_the_ledger_lists_every_judged_claim_in_every_form(capsys):
    code, out = _shown(capsys, "claims", "--judged", "--json")
    rows = json.loads(out)
    assert code == 0  # nothing of the ledger is refuted that was not known to be
    assert [row["claim"]["key"] for row in rows] == JUDGED
    words = {row["claim"]["key"]: row["verdict"] for row in rows}
    assert {key: words[key] for key in ("2.1", "2.2", "A.2", "A.3")} == {
        "2.1": "proven", "2.2": "corrected", "A.2": "proven", "A.3": "proven",
    }  # fmt: skip
    assert words["Pensia 2020, subset sum"] == "proven"
    assert "not judged" not in words.values()
    rows = list(csv.reader(io.StringIO(_shown(capsys, "claims", "--judged", "--csv", "--prune", "0")[1].strip())))
    assert rows[0] == ["claim", "verdict", "C"]
    assert [row[0].partition(" (")[0] for row in rows[1:]] == JUDGED


def test_the_ledger_shows_what_is_not_judged_and_ends_with_1_when_one_is_refuted(monkeypatch, capsys, tmp_path):
    from theory import claims as ledger
    from theory.claim import read_claim

    toy = read_claim(_file(tmp_path, FORMS["refuted"]))
    chosen = {"Borgs 2001, threshold": LEDGER["Borgs 2001, threshold"], "T.1": toy}
    monkeypatch.setattr(ledger, "LEDGER", chosen)
    code, out = _shown(capsys, "claims", "--markdown")
    assert code == REFUTED
    assert "| not judged |" in " ".join(out.split())
    assert "| refuted |" in " ".join(out.split())
    assert run(dispatch, ["claims", "--judged", "--latex"], "slt") == REFUTED
    assert "Borgs" not in capsys.readouterr().out


def test_the_example_of_the_page_prints_what_stands_there(tmp_path, monkeypatch, capsys):
    page = (Path(__file__).parents[2] / "docs" / "claims.md").read_text()
    toy, command, *_ = re.findall(r"^```\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("toy.toml").write_text(toy)
    words, _, printed = command.partition("\n")
    assert run(dispatch, words.split()[2:], "slt") == REFUTED
    assert capsys.readouterr().out.rstrip() == printed.rstrip()
    proven = re.search(r"`form = (\".*?\")` the verdict is \"(.*?)\"", page)
    Path("toy.toml").write_text(re.sub("form = .*", f"form = {proven[1]}", toy))
    assert run(dispatch, [*words.split()[2:]], "slt") == 0
    assert proven[2] in " ".join(capsys.readouterr().out.split())


def test_the_page_names_every_key():
    page = (Path(__file__).parents[2] / "docs" / "claims.md").read_text()
    for field in (*fields(Claim), *fields(Correction)):
        assert f"`{field.name}`" in page or f"`[{field.name}]`" in page


def test_numbers_have_four_digits():
    assert [number(value) for value in (0.1234567, 12345.6, 1e12, 78.15463, float("inf"))] == [
        "0.1235", "12,346", "1e+12", "78.15", "inf",
    ]  # fmt: skip
    assert claims_command.COLUMNS[0] == "<claim"


def test_the_table_of_the_ledger_fits_80_columns(capsys):
    code, out = _shown(capsys, "claims")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert "A.3 (Otsuka et al. 2024)" in out
    assert "Otsuka 2025, Lemma 4 " in out


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (["otsuka", "proven"], ["A.2", "A.3", "Otsuka 2025, Lemma 4", "Otsuka 2025, Lueker's Cor. 3.3"]),
        (["A.3"], ["A.3"]),
        (["E12"], ["E12"]),
        (["MALACH", "open"], ["Malach 2020, one number"]),
        (["corrected"], ["2.2", "Natale 2024, Cor. 2"]),
        (["malach", "not", "judged"], ["Malach 2020, width"]),
    ],
)
def test_words_choose_claims_by_key_paper_title_or_verdict(words, keys, capsys):
    code, out = _shown(capsys, "claims", *words, "--json")
    assert code == 0
    assert [row["claim"]["key"] for row in json.loads(out)] == keys
    for key in keys:
        assert key in _shown(capsys, "claims", *words)[1]


def test_words_that_no_claim_has_are_said_with_the_verdicts_there_are(capsys):
    assert run(dispatch, ["claims", "malach", "proven"], "slt") == 2
    said = capsys.readouterr().err
    assert "no claim has all of the words malach proven" in said
    assert "verdicts are proven, refuted, corrected, open, not judged" in said


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("Pensia", "near: 'Pensia 2020, layer', 'Pensia 2020, lower bound', 'Pensia 2020, subset sum', "),
        ("A.4", "near: 'A.2', 'A.3'"),
        ("otsuka", "'Otsuka 2025, Thm. 3'"),
        ("qqqqqq", "`slt claims` lists them"),
    ],
)
def test_an_unknown_key_is_told_the_near_ones_only(key, near, capsys):
    assert run(dispatch, ["claim", key], "slt") == 2
    said = capsys.readouterr().err
    assert near in said
    assert said.count("'") <= 2 * 5 + 2


def test_a_form_with_its_own_constant_is_judged_as_it_stands(tmp_path, capsys):
    code, out = _shown(capsys, "claim", _file(tmp_path, "40 * log(2/min(delta, eps))"), "--brief")
    words = " ".join(out.split())
    assert code == 0
    assert "It has a constant of its own, and is judged as it stands." in words
    assert "is proven with its own constant" in words
    code, out = _shown(capsys, "claim", _file(tmp_path, "2 * log(2/min(delta, eps))"), "--brief")
    assert code == REFUTED
    assert "C = " not in out
    assert "is refuted: it asks for fewer than are necessary" in " ".join(out.split())
    assert " is necessary" in out
    code, out = _shown(capsys, "claim", _file(tmp_path, "10 * log(2/min(delta, eps))"), "--brief")
    assert code == 0
    assert "times it is proven to suffice, and no bound of ours refutes it" in " ".join(out.split())


def test_what_fails_near_1_alone_names_the_key_that_leaves_it_out(tmp_path, capsys):
    form = "C * log(1/min(delta, eps))"
    code, out = _shown(capsys, "claim", _file(tmp_path, form), "--brief")
    assert code == REFUTED
    said = re.search(r"With min_at_most = 0.5, which leaves that corner out, it is proven with (C = [0-9.]+[0-9])", out)
    code, out = _shown(capsys, "claim", _file(tmp_path, form, "min_at_most = 0.5\n"), "--brief")
    assert code == 0
    assert f"is proven with {said[1]}:" in out
    assert "min_at_most" not in out
    _, out = _shown(capsys, "claim", _file(tmp_path, "C * log(1/eps) * (1 - eps)"), "--brief")
    assert "min_at_most" not in out  # it is refuted elsewhere, too


def test_which_of_two_constants_holds_where_is_said_in_a_sentence(capsys):
    _, out = _shown(capsys, "claim", "A.3", "--brief")
    words = " ".join(out.split())
    found = LEDGER["A.3"].judged(0.4, 0.3).published
    assert (
        f"is proven with C = {number(found.constant_half)} where min(delta, eps) <= 1/2, "
        f"and with C = {number(found.constant)} for all delta and eps:" in words
    )
    assert "The second is so large because the form asks for few numbers near eps = delta = 1." in words


@pytest.mark.parametrize("words", [[], ["simulate"]])
def test_without_a_name_the_help_is_shown(words, capsys):
    assert run(dispatch, words, "slt") == 0
    out, err = capsys.readouterr()
    assert out.startswith("usage: slt ")
    assert err == ""
