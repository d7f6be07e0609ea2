"""Formulas of the pages as MathML, so that the site needs no script to show them.

A formula stands between ``$`` or ``$$``, as GitHub shows it. Before Markdown reads a page, each formula becomes a
word that Markdown leaves alone; afterwards the word becomes the formula's MathML. latex2mathml reads the formula.
This module adds what a browser needs to space and break it as TeX would.
"""

import re
from xml.etree import ElementTree

NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"
CODE = re.compile(r"^(?P<fence>```+|~~~+).*?^(?P=fence)[ ]*$|(?P<tick>`+)(?!`).*?(?<!`)(?P=tick)(?!`)", re.M | re.S)
FORMULA = re.compile(r"\$\$(?P<block>.+?)\$\$|(?<![\\\w$])\$(?!\s)(?P<inline>(?:\\.|[^$\\])+?)(?<!\s)\$(?!\w)", re.S)
WORD = re.compile(r"(\(?)formula(\d+)x([-.,;:!?)]*)")
WIDE = 20  # signs; an inline part of more scrolls by itself where a screen is narrow
LONG = 7  # an inline formula of more parts may be broken after a relation, a comma or a sum's sign

FUNCTIONS = {"log", "exp", "sin", "cos", "tan", "cot", "sinh", "cosh", "coth", "det", "min", "max", "sup", "inf"}
LIMITS = {"min", "max", "sup", "inf"}
BARS = {"|", "\u2016"}
PRIMES = {"\u2032", "\u2033"}
SIGNS = {"+", "\u2212", "\u00b1"}
OPEN, CLOSE = set("([{\u2308\u230a"), set(")]}\u2309\u230b")
RELATIONS = set("=<>\u2264\u2265\u2260\u2248\u223c\u2208\u2286\u2192\u21a6\u226a")
THIN = "0.167em"


def without_code(text: str) -> str:
    """Return the text with blanks for its code, every other character at its place."""
    return CODE.sub(lambda code: re.sub(r"[^\n]", " ", code[0]), text)


def taken_out(markdown: str) -> tuple[str, list[tuple[str, bool]]]:
    """Return the page with a word for each formula, and the formulas, each with whether it stands on lines of its own.

    >>> taken_out("`$a$` costs $b$")
    ('`$a$` costs formula0x', [('b', False)])
    """
    found: list[tuple[str, bool]] = []
    parts, end = [], 0
    for match in FORMULA.finditer(without_code(markdown)):
        parts += [markdown[end : match.start()], f"formula{len(found)}x"]
        found.append((match["block"] or match["inline"], match["block"] is not None))
        end = match.end()
    return "".join([*parts, markdown[end:]]), found


def put_back(html: str, formulas: list[tuple[str, bool]]) -> str:
    """Return the page with each formula's MathML in the place of its word."""

    def put(word: re.Match[str]) -> str:
        formula, block = formulas[int(word[2])]
        parts = mathml(formula, block)
        if block:
            return word[1] + parts[0] + word[3]
        parts[0], parts[-1] = word[1] + parts[0], parts[-1] + word[3]
        for end in {0, len(parts) - 1} if word[1] or word[3] else ():  # a line does not start with a comma
            parts[end] = f'<span class="together">{parts[end]}</span>'
        return "<wbr>".join(parts)

    return WORD.sub(put, html)


def in_words(text: str, formulas: list[tuple[str, bool]]) -> str:
    """Return a title with the signs alone of its formulas, for a place that shows no MathML."""

    def put(word: re.Match[str]) -> str:
        signs = "".join("".join(ElementTree.fromstring(part).itertext()) for part in mathml(*formulas[int(word[2])]))
        return word[1] + signs + word[3]

    return WORD.sub(put, text)


def mathml(formula: str, block: bool) -> list[str]:
    """Return the MathML of a formula, that of a long inline one in parts between which a line may end.

    Raises ValueError for a formula that is not understood.
    """
    from latex2mathml.converter import convert

    text = re.sub(r"\n>? ?", " ", formula)
    text = re.sub(r"\\\\\[\w+\]", r"\\\\", text)  # the distance of lines
    text = re.sub(r"\\tag\{(\w+)\}", r"\\qquad\\text{(\1)}", text)
    text = text.replace("{,}", r"\text{,}")
    try:
        root = ElementTree.fromstring(convert(text, display="block" if block else "inline"))
    except Exception as error:  # the library's errors have no common kind
        raise ValueError(f"formula not understood: {formula} ({error!r})") from None
    for node in root.iter():
        if node.text in {r"\{", r"\}"}:  # brackets of a given size
            node.text = node.text[1:]
        if "\\" in (node.text or ""):
            raise ValueError(f"formula not understood: {formula}")
        node.tag = node.tag.removeprefix(NAMESPACE)
        if (node.get("minsize") or "").startswith("2.047"):  # brackets of a binomial are as tall as it is
            del node.attrib["minsize"], node.attrib["maxsize"]
        _join_letters(node)
        _lower_prime(node)
        if block and node.tag == "msub" and _core(node).text in LIMITS:
            node.tag = "munder"
    for node in list(root.iter()):
        _space(list(node))
    if block:
        return [f'<span class="formula">{_text(root)}</span>']
    return [_inline(part) for part in _parts(root)]


def _inline(root: ElementTree.Element) -> str:
    text = _text(root)
    return f'<span class="wide">{text}</span>' if len("".join(root.itertext())) > WIDE else text


def _text(root: ElementTree.Element) -> str:
    return ElementTree.tostring(root, encoding="unicode")


def _join_letters(node: ElementTree.Element) -> None:
    """Make one name of upright letters that stand one by one."""
    letters = [child for child in node if child.get("mathvariant") == "normal" and child.tag.endswith("mi")]
    if len(letters) > 1 and len(letters) == len(node):
        letters[0].text = "".join(letter.text or "" for letter in letters)
        for letter in letters[1:]:
            node.remove(letter)
        del letters[0].attrib["mathvariant"]


def _lower_prime(node: ElementTree.Element) -> None:
    """Set a prime beside its letter: most fonts have it raised already."""
    if node.tag.endswith("msup") and node[1].text in PRIMES:
        node.tag = "mrow"
        node[1].tag = "mo"
        node[1].attrib |= {"lspace": "0", "rspace": "0", "form": "postfix"}


def _core(node: ElementTree.Element) -> ElementTree.Element:
    """Return the operator of one with limits, or the node itself."""
    while node.tag in {"msub", "msup", "msubsup", "munder", "mover", "munderover"} and len(node):
        node = node[0]
    return node


def _space(row: list[ElementTree.Element]) -> None:
    """Set the spaces of functions, signs and bars in a row as TeX does."""
    for number, node in enumerate(row):
        core = _core(node)
        before = _core(row[number - 1]) if number else None
        after = row[number + 1] if number + 1 < len(row) else None
        starts = before is None or (
            before.tag == "mo" and before.text not in CLOSE | BARS | PRIMES | {"!"} and before.get("form") != "postfix"
        )
        if core.text in FUNCTIONS:
            core.tag = "mo"
            core.set("lspace", "0" if starts else THIN)
            opens = after is not None and (after.text or "")[:1] in OPEN
            core.set("rspace", "0" if opens or after is None or after.tag == "mspace" else THIN)
        elif node.tag == "mo" and node.text in SIGNS and starts:
            node.set("form", "prefix")
        elif core.tag == "mo" and core.text in BARS | {"/"}:
            core.set("lspace", "0")
            core.set("rspace", "0")


def _parts(root: ElementTree.Element) -> list[ElementTree.Element]:
    """Return the formula, cut after its relations, commas and signs that stand in no brackets where it is long."""
    row = list(root[0]) if len(root) == 1 and root[0].tag == "mrow" else list(root)
    if len(row) <= LONG:
        return [root]
    parts: list[list[ElementTree.Element]] = [[]]
    depth = bars = 0
    for number, node in enumerate(row):
        parts[-1].append(node)
        core = _core(node)
        depth += (core.text in OPEN) - (core.text in CLOSE)
        bars += core.text in BARS
        sign = node.tag == "mo" and node.text in SIGNS and node.get("form") != "prefix"
        if (
            node.tag == "mo"
            and depth == bars % 2 == 0
            and (node.text in RELATIONS | {","} or sign)
            and number + 1 < len(row)
        ):
            node.set("form", "infix")
            parts.append([])
    found = []
    for part in parts:
        piece = ElementTree.Element("math", root.attrib)
        ElementTree.SubElement(piece, "mrow").extend(part)
        found.append(piece)
    return found
