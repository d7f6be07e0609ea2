"""Files of claims: those of the ledger, and what is refused of a user's, in one line and with exit code 2."""

import subprocess
import sys
from pathlib import Path

import pytest

import theory.claims
from slt.cli import dispatch
from slt.core.command import run
from slt.core.rates import READINGS
from theory.claim import LARGEST, MODEL, OURS, QUOTED, RECONSTRUCTED, UNSOURCED, Form, read_claim
from theory.claims import CLAIMS, LEDGER, MAIN
from theory.judgement import MODELS
from theory.proofs import proof_of

FILES = sorted(Path(theory.claims.__file__).parent.glob("*.toml"))

GOOD = """
[claim]
key = "T.1"
paper = "Toy 2026"
number = "Lemma 1"
reading = "uniform"
form = "C * log(2/min(delta, eps))"
"""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_file_of_the_ledger_is_a_claim(file):
    claim = read_claim(file)
    assert LEDGER[claim.key] == claim
    assert claim.reading in READINGS
    for text in (claim.key, claim.paper, claim.title, claim.number, claim.link, claim.words, claim.hypotheses):
        assert text
    assert claim.source in (QUOTED, RECONSTRUCTED)
    assert claim.quote or claim.source == RECONSTRUCTED
    assert claim.unjudged or claim.proof or claim.form is not None
    assert claim.unjudged or claim.proof or claim.model in MODELS
    assert claim.proof == proof_of(claim.key)
    if claim.form is not None:
        assert claim.form.sample_size(2.0, 1e-3, 1e-3, claim.rates(0.4, 0.3)) > 0
        assert claim.form.statement == f"n >= {claim.form.text}"


def test_the_ledger_is_large_enough_and_begins_with_the_main_lemmas():
    assert len(LEDGER) == len(FILES) >= 20
    assert len({claim.paper for claim in LEDGER.values()}) >= 8
    assert tuple(LEDGER)[:4] == MAIN == tuple(claim.key for claim in CLAIMS)
    assert all(key == claim.key for key, claim in LEDGER.items())


def _claim(tmp_path, text):
    path = tmp_path / "claim.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_the_smallest_file_has_the_defaults(tmp_path):
    claim = read_claim(_claim(tmp_path, GOOD))
    assert claim.form == Form("C * log(2/min(delta, eps))")
    assert (claim.source, claim.model, claim.min_at_most) == (UNSOURCED, MODEL, 1.0)
    assert (claim.prunes, claim.locks, claim.constant_depends_on) == (False, False, ("p", "q"))
    assert claim.corrected is None


def test_every_key_is_taken_and_texts_of_several_lines_become_one(tmp_path):
    text = """
[claim]
key = "T.2"
title = "toy"
paper = "Toy 2026"
number = "Lemma 2"
link = "arXiv:0000.00000"
reading = "pointwise"
form = \"\"\"
C / f
  * log(1/min(delta, eps))\"\"\"
words = \"\"\"Two
lines.\"\"\"
hypotheses = "None."
model = "uniform"
prunes = true
locks = true
constant_depends_on = ["q"]
min_at_most = 1
source = "ours"
quote = "nothing"
unjudged = ""
[corrected]
name = "better"
form = "C / f**2 * log(2/min(delta, eps))"
trouble = "it fails"
min_at_most = 0.5
"""
    claim = read_claim(_claim(tmp_path, text))
    assert claim.words == "Two lines."
    assert claim.form.text == "C / f * log(1/min(delta, eps))"
    assert (claim.prunes, claim.locks, claim.constant_depends_on, claim.source) == (True, True, ("q",), OURS)
    assert (claim.corrected.name, claim.corrected.min_at_most) == ("better", 0.5)
    assert claim.standing is claim.corrected.form


def test_a_claim_that_is_not_judged_needs_no_form(tmp_path):
    text = GOOD.replace("C * log(2/min(delta, eps))", "") + 'unjudged = "speaks of vectors"\nmodel = "vectors"\n'
    assert read_claim(_claim(tmp_path, text)).form is None


def _without(key):
    return "\n".join(line for line in GOOD.splitlines() if not line.startswith(key))


def _form(text):
    return GOOD.replace("C * log(2/min(delta, eps))", text)


CORRECTED = GOOD + '[corrected]\nname = "x"\nform = "C * log(3/eps)"\ntrouble = "y"\n'
BAD = {
    "no key": (_without("key"), "must have the key key"),
    "no paper": (_without("paper"), "must have the key paper"),
    "no number": (_without("number"), "must have the key number"),
    "no reading": (_without("reading"), "must have the key reading"),
    "no form": (_without("form"), "must have the key form"),
    "unknown key": (GOOD + "colour = 3\n", "has no key colour"),
    "unknown table": (GOOD + "[more]\nx = 1\n", "it must hold the table"),
    "no table": ('key = "T.1"\n', "it must hold the table"),
    "claim is a number": ("claim = 3\n", "it must hold the table"),
    "claims in a list": (GOOD.replace("[claim]", "[[claim]]"), "it must hold the table"),
    "empty": ("", "it holds nothing"),
    "empty key": (GOOD.replace("T.1", ""), "key must not be empty"),
    "key of spaces": (GOOD.replace("T.1", "  "), "key must not be empty"),
    "key is a number": (GOOD.replace('"T.1"', "1"), "key must be a text"),
    "key is a date": (GOOD.replace('"T.1"', "1979-05-27"), "key must be a text"),
    "form is a list": (GOOD.replace('form = "C * log(2/min(delta, eps))"', 'form = ["C"]'), "form must be a text"),
    "prunes is a text": (GOOD + 'prunes = "yes"\n', "prunes must be true or false"),
    "locks is a number": (GOOD + "locks = 1\n", "locks must be true or false"),
    "depends is a text": (GOOD + 'constant_depends_on = "p"\n', "constant_depends_on must be a list"),
    "depends on f": (GOOD + 'constant_depends_on = ["f"]\n', "constant_depends_on must be one of p, q"),
    "depends on a list": (GOOD + 'constant_depends_on = [["p"]]\n', "constant_depends_on must be one of p, q"),
    "reading misspelt": (GOOD.replace("uniform", "unifrom"), "reading must be one of uniform, pointwise"),
    "source misspelt": (GOOD + 'source = "cited"\n', "source must be one of"),
    "quoted without a quote": (GOOD + 'source = "quoted"\n', "must have a quote"),
    "min_at_most 0": (GOOD + "min_at_most = 0\n", "min_at_most must be above 0"),
    "min_at_most 2": (GOOD + "min_at_most = 2\n", r"min_at_most must lie in \(0, 1\]"),
    "min_at_most below 0": (GOOD + "min_at_most = -1e-3\n", "min_at_most must be above 0"),
    "min_at_most nan": (GOOD + "min_at_most = nan\n", "min_at_most must be finite"),
    "min_at_most true": (GOOD + "min_at_most = true\n", "min_at_most must be a number"),
    "min_at_most a text": (GOOD + 'min_at_most = "1"\n', "min_at_most must be a number"),
    "another model": (GOOD + 'model = "normal"\n', "must say in unjudged"),
    "products that are pruned": (GOOD + 'model = "products"\nprunes = true\n', "prunes and locks are not true"),
    "a mixture that is locked": (GOOD + 'model = "uniform mixture"\nlocks = true\n', "locks are not true"),
    "an unknown verdict": (GOOD + 'known = "false"\n', "known must be one of"),
    "a proof of another claim": (GOOD + 'proof = "theory.natale2024.corollary_1"\n', "proof must name the function"),
    "a proof and not judged": (
        GOOD.replace("T.1", "Natale 2024, Cor. 1")
        + 'proof = "theory.natale2024.corollary_1"\nunjudged = "it is not"\n',
        "that has a proof must not be unjudged",
    ),
    "p without prunes": (_form("C / (1 - p)"), "prunes is not true"),
    "q without locks": (_form("C / (1 - q)"), "locks is not true"),
    "empty form": (_form(""), "form must be an expression"),
    "form that calls": (_form("__import__('os').system('true')"), "got __import__"),
    "form in n": (_form("n"), "may use the symbols"),
    "form that is huge": (_form("9**9**9**9"), "numbers of a form"),
    "form that is deep": (_form("(" * 10**4), "at most 400"),
    "unprintable": (GOOD.replace("T.1", "\\u001b[2J"), "can be printed"),
    "key twice": (GOOD + 'key = "T.1"\n', "Cannot overwrite"),
    "table twice": (GOOD + GOOD, "Cannot declare"),
    "not TOML": ("hello world", "is no claim"),
    "JSON": ('{"claim": {}}', "is no claim"),
    "binary": (bytes(range(256)) * 4, "is no claim"),
    "NUL": (GOOD.encode() + b"\0", "is no claim"),
    "UTF-16": (GOOD.encode("utf-16"), "is no claim"),
    "nested deep": ("[claim]\nkey = " + "[" * 30_000, "nested too deep"),
    "1 MB": (GOOD + "#" * 10**6, f"more than {LARGEST} bytes"),
    "corrected is a number": ("corrected = 3\n" + GOOD, r"\[corrected\] must have"),
    "corrected without trouble": (CORRECTED.replace('trouble = "y"\n', ""), r"\[corrected\] must have"),
    "corrected with more": (CORRECTED + "x = 1\n", r"\[corrected\] must have"),
    "corrected form bad": (CORRECTED.replace("log(3/eps)", "ln(3/eps)"), "got ln"),
    "corrected form with q": (CORRECTED.replace("log(3/eps)", "q"), "locks is not true"),
    "corrected domain": (CORRECTED + "min_at_most = 2\n", "min_at_most must lie"),
    "corrected name a number": (CORRECTED.replace('"x"', "7"), "name must be a text"),
}
UNFIT = {  # read, but no requirement
    "falls with C": (_form("log(2/min(delta, eps)) / C"), "must rise with C"),
    "falls as eps falls": (_form("C * eps"), "where eps is smaller"),
    "falls as delta falls": (_form("C * (1 + delta)"), "where delta is smaller"),
    "negative": (_form("-C * log(1/eps)"), "must be positive"),
    "zero": (_form("0 * C"), "must be positive"),
    "undefined": (_form("C * log(eps - 2)"), "undefined"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_refused_in_one_line(kind, tmp_path):
    text, message = BAD[kind]
    path = _claim(tmp_path, text)
    with pytest.raises(ValueError, match=message) as refused:
        read_claim(path)
    assert str(path) in str(refused.value)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("kind", [*BAD, *UNFIT])
def test_the_command_refuses_it_with_exit_code_2(kind, tmp_path, capsys):
    text, message = {**BAD, **UNFIT}[kind]
    assert run(dispatch, ["claim", str(_claim(tmp_path, text))], "slt") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("slt claim: error: ")
    assert err.count("\n") == 1
    assert message.partition("\\")[0][:12] in err


@pytest.mark.long(keep=1)
@pytest.mark.parametrize("kind", ["form that is huge", "binary", "1 MB", "p without prunes", "undefined", "key twice"])
def test_a_process_ends_with_exit_code_2(kind, tmp_path):
    path = _claim(tmp_path, {**BAD, **UNFIT}[kind][0])
    done = subprocess.run(
        [sys.executable, "-m", "slt", "claim", str(path)], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("name", ["missing.toml", "folder", "nobody 2030"])
def test_what_is_no_file_and_no_key_is_refused(name, tmp_path, capsys):
    (tmp_path / "folder").mkdir()
    words = ["claim", name if name == "nobody 2030" else str(tmp_path / name)]
    assert run(dispatch, words, "slt") == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_two_files_with_one_key_are_no_ledger(tmp_path, monkeypatch):
    for name in ("one", "two"):
        (tmp_path / f"{name}.toml").write_text(GOOD)
    monkeypatch.setattr(theory.claims, "files", lambda _: tmp_path)
    monkeypatch.setattr(theory.claims, "as_file", _Entered)
    with pytest.raises(ValueError, match="two claims have the same key"):
        theory.claims._ledger()


class _Entered:
    """A folder as a context."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        return self.folder

    def __exit__(self, *_):
        return None
