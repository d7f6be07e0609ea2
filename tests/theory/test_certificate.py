"""Certificates: rightful ones pass the checker, unsafe changes of them do not."""

import ast
import copy
import json
import random
import subprocess
import sys

import pytest

from slt.cli import dispatch
from slt.core.command import BAD_INPUT, run
from tests.theory.checker import SCRIPT, answer
from theory.arguments import NoBound
from theory.certificate import (
    MOST_NECESSARY,
    PARTS,
    necessary_certificate,
    setting_of,
    sufficient_certificate,
)
from theory.necessary import necessary_n
from theory.sufficient import sufficient_n

SETTINGS = [
    {"eps": 0.1, "delta": 0.05},
    {"eps": 0.1, "delta": 0.1, "prune": 0.2, "lock": 0.2, "radius": 0.8},
    {"eps": 0.03, "delta": 0.2, "lock": 0.3},
    {"eps": 0.04, "delta": 0.1, "lock": 0.3, "reading": "pointwise"},
    {"eps": 0.02, "delta": 0.2, "prune": 0.2},
]
CHANGES = 1000
RATES = ("prune", "lock")


@pytest.fixture(scope="module")
def records():
    found = []
    for asked in SETTINGS:
        setting = setting_of(**asked)
        found += [necessary_certificate(setting).record(), sufficient_certificate(setting).record()]
    return found


def test_rightful_certificates_are_proven(records, tmp_path):
    code, said = answer(json.dumps(records), tmp_path / "c.json")
    assert code == 0, said
    lines = said.splitlines()
    assert len(lines) == len(records)
    for line, record in zip(lines, records, strict=True):
        word = {"necessary": "is necessary", "sufficient": "suffices"}[record["direction"]]
        assert line.startswith("proven: n ")
        assert f" {record['n']} {word} for eps = {record['eps']}" in line


def test_certificates_prove_the_printed_numbers_of_the_main_job(tmp_path):
    for asked in ({"prune": 0.4, "lock": 0.3, "reading": "pointwise"}, {"lock": 0.3}, {"prune": 0.4}, {}):
        setting = setting_of(0.1, 0.05, **asked)
        found = [necessary_certificate(setting), sufficient_certificate(setting)]
        assert [c.n for c in found] == [necessary_n(0.1, 0.05, **asked), sufficient_n(0.1, 0.05, **asked)]
        assert answer(json.dumps([c.record() for c in found]), tmp_path / "c.json")[0] == 0


def test_what_is_smaller_than_a_unit_is_rounded_down(tmp_path):
    found = necessary_certificate(setting_of(0.001, 0.001, prune=0.4, lock=0.3))
    assert found.n == found.printed
    assert answer(json.dumps([found.record()]), tmp_path / "c.json")[0] == 0


def test_nothing_is_proven_by_no_file_and_no_certificate(tmp_path):
    for text in ("[]", "{}", "null", "", "[[]]", "[null]", "[{}]"):
        code, said = answer(text, tmp_path / "c.json")
        assert (code, said.count("\n")) == (1, 1), text
        assert said.startswith("refused: ")
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "give the paths of certificates\n")


def test_the_checker_is_short_and_shares_nothing_with_the_project():
    text = SCRIPT.read_text()
    assert len(text.splitlines()) <= 200
    imported = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {name.name for node in imported if isinstance(node, ast.Import) for name in node.names}
    names |= {node.module for node in imported if isinstance(node, ast.ImportFrom)}
    assert names == {"json", "sys", "fractions", "math"}
    # no floating point: no constant, no function that makes one, and every plain division is one of fractions
    assert not [node for node in ast.walk(ast.parse(text)) if isinstance(getattr(node, "value", None), float)]
    assert "float(" not in text


def test_each_line_of_a_refusal_names_the_file_and_an_equation(records, tmp_path):
    broken = copy.deepcopy(records[1])
    broken["tables"]["short"] //= 2
    code, said = answer(json.dumps([broken]), tmp_path / "c.json")
    assert code == 1
    assert "short is too small" in said
    assert "c.json" in said


def number(text):
    top, bottom = text.split("/")
    return int(top) / int(bottom)


def fraction(x):
    return f"{round(x * 10**9)}/{10**9}"


def change_of_the_claim(record, draw):
    """Change one entry of the claim so that it says more: None where the entry cannot."""
    more = record["direction"] == "sufficient"  # a smaller n, eps, delta, .. says more
    name = draw.choice(["n", "eps", "delta", "radius", "prune", "lock", "reading", "direction", "bits"])
    value = record[name]
    if name == "n":
        record["n"] = value - draw.randint(1, value) if more else value + draw.randint(1, 50)
    elif name in ("eps", "delta"):
        changed = number(value) * (draw.uniform(0.05, 0.7) if more else draw.uniform(2, 8))
        record[name] = fraction(min(changed, 0.999))
    elif name == "radius":
        record[name] = fraction(number(value) * (draw.uniform(1.3, 3) if more else draw.uniform(0.05, 0.4)))
    elif name in RATES:
        frozen = sum(number(record[rate]) for rate in RATES)
        if not more and number(value) == 0:
            return False
        changed = (
            number(value) + draw.uniform(0.3, 0.99) * (1 - frozen) if more else number(value) * draw.uniform(0, 0.4)
        )
        record[name] = fraction(changed)
    elif name == "reading":
        if value == ("uniform" if more else "pointwise"):
            return False
        record[name] = "uniform" if more else "pointwise"
    elif name == "direction":
        record[name] = {"sufficient": "necessary", "necessary": "sufficient"}[value]
    else:
        record[name] = value + draw.randint(1, 40) * (1 if more else -1)
    return True


def change_of_a_table(record, draw):
    """Make one entry of a table say more."""
    tables = record["tables"]
    one = 1 << record["bits"]
    if record["direction"] == "necessary":
        if draw.random() < 0.5:
            where = draw.randrange(len(tables["fails"]))
            row, low = tables["fails"], tables["fails"][where]
            row[where] = low + max(1, round(low * draw.choice([1e-3, 1e-2, 0.5, 5])))
        else:
            row = draw.choice(tables["given"])
            where = draw.randrange(len(row))
            if row[where] > 0.9 * one:
                row[where] = one + draw.randint(1, one)
            else:
                row[where] += round((one - row[where]) * draw.uniform(0.3, 1))
        return True
    name = draw.choice([*PARTS, "values", "grid", "width", "least", "largest", "game", "slopes", "cells"])
    if name in PARTS:
        if tables[name] < one >> 20:  # nothing of it is given away
            return False
        tables[name] = round(tables[name] * draw.choice([0, 0.5, 0.99, 0.9999]))
    elif not tables["grid"]:
        return False
    elif name == "values":
        row = draw.choice(tables["values"])
        where = draw.randrange(len(row))
        row[where] = int(row[where] * draw.choice([0, 0.5, 0.99, 0.9999]))
    elif name == "slopes":
        row = draw.choice(tables["slopes"])
        row[draw.randrange(len(row))] = -draw.randint(1, one)
    elif name == "grid":
        where = draw.choice([0, 0, -1, -1, draw.randrange(len(tables["grid"]))])
        factor = draw.uniform(1.01, 3) if where == 0 else draw.uniform(0.3, 0.99)
        tables["grid"][where] = round(tables["grid"][where] * factor)
    elif name == "width":
        tables["width"] = draw.choice(["0/1", "1/3", "1/2", "3/2", "13/20"])
        if number(tables["width"]) == 0:
            return False  # the ladder is another argument, which may be right
    elif name == "least":
        tables["least"] += draw.randint(3, 10)
    elif name == "largest":
        tables["largest"] -= draw.randint(3, 10)
    elif name == "game":
        tables["game"] += draw.choice([-1, 1]) * draw.randint(1, 5)
    else:
        tables["cells"] = draw.choice([0, -20, 10**6])
    return True


WRONG = [
    None,
    True,
    False,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "x",
    "1",
    "٣/٤",
    "-1/2",
    "1/0",
    [],
    [[]],
    {},
    -1,
    10**4000,
]


def places(value, path=()):
    """Yield the paths of all entries, of lists the first, the last and one between."""
    if isinstance(value, dict):
        for key in value:
            yield (*path, key)
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for key in {0, len(value) // 2, len(value) - 1} if value else ():
            yield (*path, key)
            yield from places(value[key], (*path, key))


def change_of_the_form(record, draw):
    """Damage the structure: a wrong type, a missing or another field, a row of another length."""
    path = draw.choice([p for p in places(record) if p[0] != "printed"])
    *way, last = path
    holder = record
    for key in way:
        holder = holder[key]
    kind = draw.choice(["wrong", "wrong", "wrong", "gone", "more"])
    if kind != "wrong" and path[:2] == ("tables", "given") and len(path) == 3:
        return False  # a table of fewer or more numbers of free ones may be right
    if kind == "wrong":
        wrong = draw.choice([x for x in WRONG if type(x) is not type(holder[last]) or x in ("", "x", "1/0", -1)])
        if holder[last] == wrong or (type(wrong) is int and wrong >= 0 and type(holder[last]) is int):
            return False
        holder[last] = wrong
    elif kind == "gone":
        del holder[last]
    elif isinstance(holder, list):
        holder.insert(draw.randrange(len(holder) + 1), copy.deepcopy(holder[last]))
    else:
        holder["another"] = 1
    return True


def test_no_unsafe_change_is_accepted(records, tmp_path):
    draw, made, kinds = random.Random(18), 0, (change_of_the_claim, change_of_a_table, change_of_the_form)
    path = tmp_path / "c.json"
    weights = [1 if record["tables"].get("grid") else 4 for record in records]  # those with a game take a while
    while made < CHANGES:
        record = copy.deepcopy(draw.choices(records, weights)[0])
        if not draw.choice(kinds)(record, draw):
            continue
        made += 1
        code, said = answer(json.dumps([record]), path)
        assert code == 1, (record["direction"], said)
        assert said.startswith(f"refused: {path}: ")
        assert said.count("\n") == 1


def test_fields_that_are_there_twice_are_refused(records, tmp_path):
    for name in ("eps", "n", "tables"):
        text = json.dumps([records[1]])
        doubled = text.replace(f'"{name}":', f'"{name}": 1, "{name}":', 1)
        assert json.loads(doubled) == json.loads(text)
        assert answer(doubled, tmp_path / "c.json")[0] == 1


def test_half_a_file_is_refused(records, tmp_path):
    text = json.dumps(records[:2])
    huge = text.replace('"bits": ', '"bits": 1' + "0" * 20_000)
    for part in (huge, text[: len(text) // 2], text[:-1], text + "]", "\ufeff" + text, "\0" + text):
        assert answer(part, tmp_path / "c.json")[0] == 1


def test_more_than_is_needed_is_still_a_proof(records, tmp_path):
    for record in copy.deepcopy(records):
        if record["direction"] == "sufficient":
            record["delta"] = fraction(number(record["delta"]) * 1.1)
        else:
            record["delta"] = fraction(number(record["delta"]) * 0.9)
        assert answer(json.dumps([record]), tmp_path / "c.json")[0] == 0


def test_a_weaker_number_is_named_as_such(tmp_path):
    setting = setting_of(0.1, 0.05, prune=0.3, lock=0.6)
    found = necessary_certificate(setting)
    assert found.n == MOST_NECESSARY < found.printed == necessary_n(0.1, 0.05, prune=0.3, lock=0.6)
    with pytest.raises(NoBound, match="certificates are made for at most"):
        sufficient_certificate(setting)


def test_eps_as_large_as_the_radius_needs_no_number(tmp_path):
    setting = setting_of(0.3, 0.05, lock=0.3, radius=0.2)
    found = [necessary_certificate(setting), sufficient_certificate(setting)]
    assert [c.n for c in found] == [0, 0]
    assert answer(json.dumps([c.record() for c in found]), tmp_path / "c.json")[0] == 0


def test_the_command_writes_what_the_checker_proves(tmp_path, capsys):
    path = tmp_path / "c.json"
    words = ["certify", "--eps", "0.1", "--delta", "0.1", "--lock", "0.1", "--out", str(path)]
    assert run(dispatch, [*words, "--json"], "slt") == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["claim"] for row in told] == ["necessary", "sufficient"]
    done = subprocess.run([sys.executable, "-I", str(SCRIPT), str(path)], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [f" {row['n']} " in line for row, line in zip(told, done.stdout.splitlines(), strict=True)] == [True, True]
    assert run(dispatch, words, "slt") == 0
    assert f"check_certificate.py {path}" in capsys.readouterr().out.replace("\n", " ")


def test_bad_input_of_the_command_is_one_line(tmp_path, capsys):
    for words in (["--eps", "2"], ["--prune", "0.7", "--lock", "0.4"], ["--delta", "0"], ["--law", "normal 1"]):
        assert run(dispatch, ["certify", *words, "--out", str(tmp_path / "c.json")], "slt") == BAD_INPUT
        assert capsys.readouterr().err.count("\n") == 1
    assert run(dispatch, ["certify", "--out", str(tmp_path / "none" / "c.json")], "slt") == BAD_INPUT
    assert not list(tmp_path.iterdir())


def test_the_main_job_writes_the_certificates_of_its_rows(tmp_path, capsys):
    folder = tmp_path / "certificates"
    words = [
        "verify",
        "--brief",
        "--eps",
        "0.2",
        "--delta",
        "0.2",
        "--trials",
        "50",
        "--lemma",
        "2.1",
        "--certify",
        str(folder),
    ]
    assert run(dispatch, words, "slt") == 0
    assert f"4 of 4 printed numbers have certificates in {folder}" in capsys.readouterr().out.replace("\n", " ")
    files = sorted(folder.iterdir())
    assert [file.name for file in files] == ["2.1-pointwise-0.2.json", "2.1-uniform-0.2.json"]
    done = subprocess.run([sys.executable, str(SCRIPT), *map(str, files)], capture_output=True, text=True)
    assert (done.returncode, done.stdout.count("proven")) == (0, 4)


def test_numbers_of_another_law_have_no_certificates(tmp_path, capsys):
    words = ["verify", "--law", "normal 1", "--lemma", "2.1", "--certify", str(tmp_path / "c")]
    assert run(dispatch, words, "slt") == BAD_INPUT
    assert "--certify" in capsys.readouterr().err
