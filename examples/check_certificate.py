"""Check certificates of ``slt certify`` with nothing but Python: ``python check_certificate.py c.json ...``.

One line for each file: "proven: .." or "refused: .." with the line of the proof that fails; exit code 0 when all are
proven, else 1. docs/certificates.md explains the format, docs/theory.md (section 11) proves (C1) to (C10).
Probabilities are whole numbers over 2^bits, rounded up where they bound from above (``up``), else down; there is no
floating-point number. A number is pruned, locked, free with probability p, q, f; X is uniform on [-1, 1], U on [0, 1].
"""

import json
import sys
from fractions import Fraction
from math import ceil, comb, floor

NUMBERS = ["eps", "delta", "prune", "lock", "radius"]
FIELDS = ["format", "direction", "n", "printed", *NUMBERS, "reading", "bits", "tables"]
PARTS = ["missed", "broken", "short", "few", "far"]
COVER = ["width", "least", "largest", "cells", "game", "grid", "values", "slopes", *PARTS]
TABLES = {"necessary": ["given", "fails"], "sufficient": COVER}


def demand(holds, what):
    if not holds:
        raise ValueError(what)


def divided(a, b, up):
    return -(-a // b) if up else a // b


class Proof:
    def __init__(self, c):
        demand(sorted(c) == sorted(FIELDS) and c["format"] == "slt certificate 1", "not a certificate of this format")
        self.direction, self.t, self.sides = c["direction"], c["tables"], {"uniform": 2, "pointwise": 1}[c["reading"]]
        demand(sorted(self.t) == sorted(TABLES[self.direction]), "other tables are needed")
        self.eps, self.delta, self.p, self.q, self.r = (self.ratio(c[name]) for name in NUMBERS)
        self.f, self.n, self.bits = 1 - self.p - self.q, self.whole(c["n"], 0, 10**5), self.whole(c["bits"], 64, 10**4)
        demand(0 < self.eps < 1 and 0 < self.delta < 1 and 0 < self.r <= 1000 and self.f > 0, "no such setting")
        self.one, self.note = 1 << self.bits, f"; the program prints {self.whole(c['printed'], 0, 10**15)}"

    def whole(self, value, low, high):
        demand(type(value) is int and low <= value <= high, f"a whole number >= {low} that is not too large is needed")
        return value

    def row(self, values, size, high):
        demand(type(values) is list and len(values) == size, f"a list of {size} entries is needed")
        return [self.whole(value, 0, high) for value in values]

    def ratio(self, text):
        top, _, bottom = text[:400].partition("/")
        demand(all(s.isascii() and s.isdecimal() for s in (top, bottom)), "a fraction such as 3/10 is needed")
        return Fraction(int(top), int(bottom))

    def binomial(self, n, p, up):
        """Bound P(Bin(n, p) = k) for k = 0..n."""
        a, b = p.numerator, p.denominator
        return [divided(comb(n, k) * a**k * (b - a) ** (n - k) * self.one, b**n, up) for k in range(n + 1)]

    def sums(self, x, most, up):
        """Return F(j, k), a bound of P(U_1 + .. + U_j < x + k) for j <= most and whole k: the recursion (C1)."""
        shift, x = floor(x), x - floor(x)
        a, b, rows = x.numerator, x.denominator, [[self.one if x > 0 else 0]]
        for j in range(1, most + 1):
            at, before = rows[-1], [0, *rows[-1]]
            rows.append([divided((a + k * b) * at[k] + (j * b - a - k * b) * before[k], j * b, up) for k in range(j)])
            rows[-1].append(self.one)
        return lambda j, k: 0 if k < -shift else self.one if k + shift > j else rows[j][k + shift]

    def largest(self, c, free, locked):
        """Return L(m, a), a lower bound of P(largest sum < c) given m free and a locked numbers (C2)."""
        F = self.sums(c, free + locked, False)
        V = [[sum(comb(a, i) * F(a + b, i) for i in range(a + 1)) for b in range(free + 1)] for a in range(locked + 1)]
        return lambda m, a: sum(comb(m, b) * V[a][b] for b in range(m + 1)) >> m + a

    def necessary(self):
        """Every smaller n fails with probability above delta (C3), (C4)."""
        given, r, eps, one = self.t["given"], self.r, self.eps, self.one
        free, locked = len(given) - 1, len(given[0]) - 1
        low, mirror = (self.largest(c, free, locked) for c in (r - eps, -r - eps))
        both, most = self.sums(2 * (r - eps), free, True), free + locked
        ends = [[self.sums((r + s * eps + odd) / 2, most, s > 0) for odd in (0, 1)] for s in (1, -1)]
        near = [ends[0][j % 2](j, j // 2) - ends[1][j % 2](j, j // 2) for j in range(most + 1)]
        for m in range(free + 1):
            for a, stated in enumerate(self.row(given[m], locked + 1, one)):
                fails = [0, low(m, a) + mirror(m, a), one - sum(comb(m, k) * near[k + a] for k in range(m + 1))]
                fails += [one * (2**m * eps < r), 2 * low(m, a) - both(m, 0)] if self.sides == 2 else []
                demand(stated <= max(fails), f"(C3) given[{m}][{a}] is too large")
        others = [self.binomial(k, self.q / (self.p + self.q) if self.q else self.q, False) for k in range(self.n)]
        smaller = range(self.n) if self.q else range(self.n)[-1:]
        for n, stated in zip(smaller, self.row(self.t["fails"], len(smaller), one)):
            weights = zip(self.binomial(n, self.f, False), others[n::-1], given)
            mean = sum(w * sum(x * y for x, y in zip(other, values)) for w, other, values in weights)
            demand(mean >= stated * one * one, f"(C4) fails, n = {n}, is too large")
            demand(stated > self.delta * one, f"(C4) {n} numbers may fail no more often than delta")
        return f"n >= {self.n} is necessary"

    def game(self, eps, unit):
        """Return G_0, G_1, ..: bounds of P(k numbers X do not eps-cover [-1/2, 1/2]) (C6), (C7)."""
        x, G = self.t["grid"], [self.one]
        u = (2 * eps - Fraction(x[0], unit)) / (1 + Fraction(x[0], unit))
        demand(self.row(x, len(x), unit)[0] > 0 < u and x[-1] < unit <= x[-1] * (1 + u), "(C6) the ends of the grid")
        mean = [floor(y + (1 + u) / 2 * y * (unit - y) / unit - unit * u * u / (4 + 4 * u)) for y in x]
        top, old = [min(2 * y, unit) for y in x], [unit] * len(x)
        demand(all(y < z and not 2 * y < unit < 2 * z for y, z in zip(x, x[1:])), "(C7) the grid is not in order")
        demand(all(y >= x[-1] or y in x for y in top), "(C7) the grid lacks the double of a point")
        stop = [sum(y < z for y in x) for z in [*top[1:], unit + 1]]
        for k, (new, slopes) in enumerate(zip(self.t["values"], self.t["slopes"], strict=True)):
            new, s = self.row(new, len(x), 2 * unit), self.row(slopes, len(x), unit**2)
            steps = zip(*([b - a for a, b in zip(z, z[1:])] for z in (s, mean, x, top)))
            bend = [max(0, d * (m - y), d * m, max(d * m, 0) + d * (m - t) if t else 0) for d, m, y, t in steps]
            lines = [(unit * v, y) for v, y in zip(old, x)]
            for i in range(len(x)):
                most = max([v + s[i] * y for v, y in lines[i : stop[i]]] + [s[i] * top[i]] * (top[i] >= x[-1]))
                enough = 4 * (unit * new[i] + s[i] * mean[i] - most) >= max(bend[max(i - 1, 0) : i + 1])
                demand(enough, f"(C7) values[{k}][{i}] is too small")
            G.append(min(G[-1], divided(new[0] * self.one, unit, True)))
            old = new
        return G

    def sufficient(self):
        """A ladder of all free numbers (C5), or small numbers cover a window and the others extend it (C8)."""
        t, n, one, w = self.t, self.n, self.one, self.ratio(self.t["width"])
        small, lost = self.f * w, w / 2 if w else self.eps
        low, high, cells, game = (self.whole(t[name], 0, 10**4) for name in COVER[1:5])
        demand(cells and (1 <= 2 * w <= 2 or w == high == 0), "no such width")
        demand(w > 2 * self.eps or [t["grid"], t["values"], t["slopes"]] == [[], [], []], "a game is not needed")
        G, weight = self.game(self.eps / w, 1 << game) if w > 2 * self.eps else [0], self.binomial(n, small, True)
        drop, counts = [a - b for a, b in zip([one, *G], G)] + [0] * n, range(low, high + 1)

        def mean(late):  # of late(s, k), when k of the s small numbers are used up by the cover
            found = (weight[s] * drop[k] * late(s, k) for s in counts for k in range(min(s + 1, len(G))))
            return divided(sum(found), one**2, True)

        missed = sum(weight[s] * (G[min(s, len(G) - 1)] if s in counts else one) for s in range(n + 1))
        broken = mean(lambda s, k: ceil(min(1, (1 / small - 1) / (n - s + 1)) ** (s - k) * one)) if 0 < w < 1 else 0
        if w == 0 and n and 2 * self.eps < 1:
            broken = ceil(Fraction(2718281828459046, 10**15) * (1 - 2 * self.eps * self.f) ** n * one)
        if w in (0, 1) and self.q == 0:
            F, chance = self.sums(self.r - lost, n, True), Fraction(1, 2) if w else self.f / 2
            late = [sum(x * F(b, 0) for b, x in enumerate(self.binomial(t, chance, True))) for t in range(n + 1)]
            late = [min(one, divided(self.sides * x, one, True)) for x in late]
            short, few, far = mean(lambda s, k: late[s - k]) if w else late[n], 0, 0
        else:
            short, few, far = self.lattice(w, counts, weight, drop, lost, cells)
        for name, value in zip(PARTS, (divided(missed, one, True), broken, short, few, far)):
            demand(value <= self.whole(t[name], 0, 9 * one), f"(C5), (C8) {name} is too small")
        demand(sum(t[name] for name in PARTS) <= self.delta * one, "failures may be more frequent than delta")
        return f"n {'=' if self.q else '>='} {n} suffices"

    def lattice(self, w, counts, weight, drop, lost, cells):
        """Bound what the reach lacks, the pieces of the sum S being trapezoids on a lattice (C9), (C10)."""
        n, slot, half = self.n, 2 * self.bits + 16, Fraction(1, 2)
        shift, c, side = cells * (n - counts[0]), ceil((self.r - lost) * cells), int(cells * w)
        p, q, big = (x / (1 - self.f * w) for x in (self.p, self.q, self.f * (1 - w) / 2))
        ones = ((1 << slot * (c + shift + 3)) - 1) // ((1 << slot) - 1)
        keep = ones * ((1 << slot - self.bits) - 1)
        demand(side == cells * w, "(C9) the width is not on the lattice")

        def times(a, b):
            return (a * b >> self.bits & keep) + ones

        def law(locked, middle, large):  # k -> P(S < k) + P(S = k)/2, for S with pieces between these ends, in cells
            factors, covered, total, left = [0, 0], 0, 0, n - counts[-1]
            pieces = (0, half, 0, 0), (0, half, *middle), (1, p + big, 0, 0), (1, q, *locked), (1, big, *large)
            for which, mass, a, b in pieces:
                for k in range(a, b + 1):
                    share = mass / (b - a) / (1 + (k in (a, b))) if a < b else mass
                    factors[which] += ceil(share * self.one) << slot * (k + cells * which)
            for s in range(counts[-1] + 1):
                covered = times(covered, factors[0]) + drop[s]
                if s in counts:
                    total = times(total, factors[1]) + (times(covered, weight[s]) << slot * cells * (s - counts[0]))
            while left:
                total = times(total, factors[1]) if left % 2 else total
                factors[1], left = times(factors[1], factors[1]), left // 2
            low = lambda k: (total & (1 << slot * max(k + shift, 0)) - 1) % ((1 << slot) - 1)  # the sum of slots
            return lambda k: (low(k) + low(k + 1) + 1) // 2

        S, M = law((-cells, cells), (0, side), (side, cells)), law((0, 0), (side // 2,) * 2, ((side + cells) // 2,) * 2)
        far = ceil((-self.r - lost) * cells)
        return self.sides * S(c), self.sides * M(c + 1), (2 - self.sides) * (S(far) + M(far + 1))


def main(paths):
    refused = not paths
    for path in paths:
        try:
            with open(path, encoding="utf-8") as file:  # a table in which a field is there twice is emptied
                found = json.load(file, object_pairs_hook=lambda x: dict(x) if len(dict(x)) == len(x) else {})
            for c in found or [{}]:
                proof = Proof(c)
                setting = ", ".join(f"{name} = {c[name]}" for name in [*NUMBERS, "reading"])
                print(f"proven: {getattr(proof, proof.direction)()} for {setting}" + proof.note)
        except Exception as error:
            refused = True
            print(f"refused: {path}: {type(error).__name__}: {error}")
    return refused


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) if sys.argv[1:] else "give the paths of certificates")
