"""A table as a value, and the forms in which it can be shown: plain text, Markdown, LaTeX, CSV."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from textwrap import wrap

FORMS = ("text", "markdown", "latex", "csv")
EDGES, GAP = 2, 2  # blanks around a text table, and between two of its columns
SENTENCE = 24  # characters a line in which a sentence can still be read
LATEX = {  # what LaTeX reads as something else, and what its usual fonts lack
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "²": r"$^2$",
    "³": r"$^3$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "|": r"$|$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "→": r"$\to$",
    "π": r"$\pi$",
    "α": r"$\alpha$",
    "δ": r"$\delta$",
    "ε": r"$\varepsilon$",
}


class Written(str):
    """An interval as a cell: ``value [lower, upper]``, or the value alone where no end is known; three cells in CSV."""

    parts: tuple[str, str, str]

    def __new__(cls, value: str, lower: str = "", upper: str = "") -> "Written":
        """Return the cell of these texts.

        >>> Written("4", "3", "?"), Written("4").parts
        ('4 [3, ?]', ('4', '', ''))
        """
        cell = super().__new__(cls, f"{value} [{lower}, {upper}]" if lower or upper else value)
        cell.parts = value, lower, upper
        return cell


@dataclass(frozen=True)
class Table:
    """A title, columns and rows of texts.

    left: which columns are flushed left, all others right. widths: the least width of each column in text, so that
    several tables stand in line.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: tuple[bool, ...]
    widths: tuple[int, ...]

    def as_form(self, form: str) -> str:
        """Return the table as "markdown", "latex" or "csv" text."""
        return {"markdown": self.markdown, "latex": self.latex, "csv": self.csv}[form]()

    def markdown(self) -> str:
        """Return a Markdown table under its title.

        >>> print(table("Sizes", ("<name", "n"), [("a|b", 3)]).markdown())
        **Sizes**
        <BLANKLINE>
        | name | n |
        |:---|---:|
        | a\\|b | 3 |
        """
        marks = (":---" if left else "---:" for left in self.left)
        lines = [_cells(map(markdown_text, self.columns)), f"|{'|'.join(marks)}|"]
        lines += [_cells(map(markdown_text, row)) for row in self.rows]
        return f"**{markdown_text(self.title)}**\n\n" * bool(self.title) + "\n".join(lines)

    def latex(self) -> str:
        """Return a LaTeX table that needs the package booktabs, with the title as its caption.

        >>> print(table("", ("<name", "n"), [("5 %", 3)]).latex())
        \\begin{table}
        \\centering
        \\begin{tabular}{lr}
        \\toprule
        name & n \\\\
        \\midrule
        5 \\% & 3 \\\\
        \\bottomrule
        \\end{tabular}
        \\end{table}
        """
        sides = "".join("l" if left else "r" for left in self.left)
        head, *body = (" & ".join(map(_latex, row)) + r" \\" for row in (self.columns, *self.rows))
        caption = [rf"\caption{{{_latex(self.title)}}}"] if self.title else []
        lines = [r"\begin{table}", r"\centering", *caption, rf"\begin{{tabular}}{{{sides}}}", r"\toprule", head]
        return "\n".join([*lines, r"\midrule", *body, r"\bottomrule", r"\end{tabular}", r"\end{table}"])

    def records(self) -> list[dict[str, str]]:
        """Return a dict for each row, its texts by column."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def csv(self) -> str:
        """Return the columns and rows as CSV; the title is left out.

        A column of intervals becomes three: the value, ``low`` and ``high``; an unknown number is an empty cell.

        >>> print(table("", ("n", "<test"), [(3, Written("4", "3", "?"))]).csv())
        n,test,test low,test high
        3,4,3,
        """
        cut = [any(isinstance(row[place], Written) for row in self.rows) for place in range(len(self.columns))]
        lines: list[list[str]] = [[], *([] for _ in self.rows)]
        for place, three in enumerate(cut):
            name = self.columns[place]
            lines[0] += [name, f"{name} low", f"{name} high"] if three else [name]
            for line, row in zip(lines[1:], self.rows, strict=True):
                line.extend(_parts(row[place]) if three else [row[place]])
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(lines)
        return text.getvalue().rstrip("\n")

    def measured(self) -> tuple[int, ...]:
        """Return the width that each column needs in text."""
        cells = zip(self.columns, *self.rows, strict=True)
        return tuple(max(least, *map(len, column)) for least, column in zip(self.widths, cells, strict=True))

    def fitted(self, room: int) -> "Iterator[Table]":
        """Yield the table in parts of at most ``room`` characters a line; no cell is cut.

        Sentences in the last column go on in the next line, where there is room enough for that. Else each part has the
        first columns, as many as tell the rows apart (at most three), and at least one column more.
        """
        needed = self.measured()
        left = room - EDGES - sum(needed[:-1]) - GAP * (len(needed) - 1)
        if left >= needed[-1]:
            yield self
            return
        if self.left[-1] and left >= SENTENCE and any(" " in row[-1] for row in self.rows):
            yield self._wrapped(left)
            return
        if len(needed) < 3:
            yield self
            return
        keys = list(range(self._keys()))
        start = EDGES + sum(needed[place] for place in keys) + GAP * (len(keys) - 1)
        part, used = [*keys], start
        for place in range(len(keys), len(needed)):
            if len(part) > len(keys) and used + GAP + needed[place] > room:
                yield self._of(part)
                part, used = [*keys], start
            part.append(place)
            used += GAP + needed[place]
        yield self._of(part)

    def _wrapped(self, width: int) -> "Table":
        """Return the table with the last column in lines of at most ``width`` characters; no word is cut."""
        rows: list[tuple[str, ...]] = []
        for *cells, sentence in self.rows:
            first, *more = wrap(sentence, width, break_long_words=False, break_on_hyphens=False) or [""]
            rows += [(*cells, first), *((*("" for _ in cells), line) for line in more)]
        return replace(self, rows=tuple(rows), widths=(*self.widths[:-1], 0))

    def _keys(self) -> int:
        """Return how many first columns tell all rows apart; 1 where three do not."""
        for count in range(1, min(3, len(self.columns) - 1) + 1):
            if len({row[:count] for row in self.rows}) == len(self.rows):
                return count
        return 1

    def _of(self, places: list[int]) -> "Table":
        def chosen(values: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(values[place] for place in places)

        return replace(
            self,
            columns=chosen(self.columns),
            rows=tuple(map(chosen, self.rows)),
            left=tuple(self.left[place] for place in places),
            widths=tuple(self.widths[place] for place in places),
        )


def table(
    title: str, columns: Iterable[str], rows: Iterable[Iterable[object]], widths: Iterable[int] | None = None
) -> Table:
    """Return a table; columns whose name starts with ``<`` are flushed left, all others right. None is shown as ``-``.

    widths: least width of each column. Raises ValueError where a row has another number of cells than columns.
    """
    names = tuple(columns)
    least = tuple(widths) if widths is not None else (0,) * len(names)
    body = tuple(tuple(_cell(cell) for cell in row) for row in rows)
    for row in (least, *body):
        if len(row) != len(names):
            raise ValueError(f"a table of {len(names)} columns has a row of {len(row)}")
    left = tuple(name.startswith("<") for name in names)
    return Table(title, tuple(name.removeprefix("<") for name in names), body, left, least)


def _cell(cell: object) -> str:
    if isinstance(cell, str):
        return cell
    return "-" if cell is None else str(cell)


def _parts(cell: str) -> list[str]:
    parts = cell.parts if isinstance(cell, Written) else (cell, "", "")
    return ["" if part == "?" else part for part in parts]


def _cells(texts: Iterable[str]) -> str:
    return f"| {' | '.join(texts)} |"


def markdown_text(text: str) -> str:
    """Return a text for Markdown, in which nothing is read as a mark."""
    return re.sub(r"([|*`<>])", r"\\\1", text)


def _latex(text: str) -> str:
    """Return a text for LaTeX; the words eps and delta become letters.

    >>> _latex("eps <= 5 %, deltas")
    '$\\\\varepsilon$ $\\\\leq$ 5 \\\\%, deltas'
    """
    text = re.sub(r"\bdelta\b", "δ", re.sub(r"\beps\b", "ε", text))
    return "".join(LATEX.get(sign, sign) for sign in text.replace("<=", "≤").replace(">=", "≥"))
