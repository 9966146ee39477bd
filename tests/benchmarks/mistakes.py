"""Mistakes planted in random networks and expressions: are they named, and is anything else?

    python -m tests.benchmarks.mistakes [--cases 30]

Prints, for each mistake of the catalogue, how often it is named, named with "perhaps", not explained, and
explained by something else; and how often a reason is given for numbers that no mistake made.
"""

import argparse
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace

from engine import Value, check_gradients
from engine.claims import Claim
from engine.expression import parse
from engine.grading.marks import WRONG_HERE, mark
from engine.graph import topological
from engine.mistakes import CATALOGUE, Mistake
from engine.mistakes.computation import ADJOINT, UPDATED, VALUE, Problem, Quantity, compute
from engine.mistakes.planting import plant
from nn import MLP
from nn.losses import find_loss

ROUNDING = {"truncated", "rounded-too-early"}  # of printed numbers
OF_STEPS = {"step-handed-in", "updated-weights"}  # who checks a gradient alone knows no learning rate
SAME = {"local-sign": "sign", "step-handed-in": "factor-2-missing"}  # of the same numbers: a rate of 0.5

EXPRESSIONS = [
    "(sigmoid(w*x + b)*v - y)**2",
    "tanh(a*b + c)*exp(a) + c/b",
    "log(a*a + b)*sin(c*b)",
    "a*b*c + a/(b + c)**2",
    "sqrt(a*b) + cos(a)*c**3",
    "log10(a + b)*tanh(c) - a*b",
    "(v*tanh(w*x + b) + c - y)**2/2",
]


def network(rng: random.Random) -> Problem:
    sizes = rng.choice([(2, 2, 1), (2, 3, 1), (3, 2, 2), (2, 2, 2, 1), (2, 3, 2), (3, 3, 3, 1)])
    model = MLP(sizes[0], sizes[1:], activation=rng.choice(["sigmoid", "tanh"]), output="sigmoid", rng=rng)
    for p in model.parameters():
        p.data = hand_number(rng)
    x = [hand_number(rng) for _ in range(sizes[0])]
    y = [float(rng.random() < 0.5) for _ in range(sizes[-1])]
    output = find_loss(rng.choice(["squared_error", "log_loss"]))(model(x), y if len(y) > 1 else y[0])
    return problem_of(output, 0.5)


def expression(rng: random.Random) -> Problem:
    formula = parse(rng.choice(EXPRESSIONS))
    leaves = {name: Value(abs(hand_number(rng)) + 0.1, name) for name in formula.names}
    output = formula(**leaves)
    for i, value in enumerate(v for v in topological([output]) if v.parents):
        value.label = f"u_{i}"
    return problem_of(output, None)


def problem_of(output: Value, rate: float | None) -> Problem:
    order = topological([output])
    return Problem(order, output, [v for v in order if v.is_variable and v.label], rate)


def hand_number(rng: random.Random) -> float:
    return rng.choice([-1, 1]) * rng.randint(1, 15) / 10


def asked(problem: Problem, whole: bool = True) -> list[Quantity]:
    right = compute(problem, {}).follows
    if not whole:
        return [q for q in (Quantity(ADJOINT, v) for v in problem.moved) if q in right]
    values = [v for v in problem.order if v.label]
    wanted = [Quantity(VALUE, v) for v in values if v.parents]
    wanted += [Quantity(ADJOINT, v) for v in values if v.label.startswith(("z", "u")) or not v.parents]
    wanted += [Quantity(UPDATED, v) for v in problem.moved if problem.learning_rate]
    return [q for q in wanted if q in right]


def printed(x: float, decimals: int | None) -> Claim:
    return Claim.of(x if decimals is None else f"{x:.{decimals}f}")


def reasons_of(
    problem: Problem, numbers: dict[Quantity, float], decimals: int | None, whole: bool
) -> Iterator[tuple[bool, list[str], list[str]]]:
    """For each wrong number: the ids of its reasons and their words. A paper, or a gradient alone."""
    claims = {q: printed(x, decimals) for q, x in numbers.items()}
    if whole:
        names = {q: f"{q.kind} {q.value.label}" for q in claims}
        for m in mark(replace(problem, names=names), claims):
            if m.verdict == WRONG_HERE:
                yield True, list(m.ids), list(m.why)
        return
    leaves = {q.value.label: claims[q] for q in claims if q.kind == ADJOINT and not q.value.parents}
    inputs = [v for v in problem.order if v.label in leaves and not v.parents]
    texts = {name: c.text if decimals is not None else c.value for name, c in leaves.items()}
    for c in check_gradients(problem.output, inputs, claimed=texts).comparisons:
        opinion = c.opinions["claimed"]
        if not opinion.ok:
            yield True, list(opinion.ids), list(opinion.mistakes)


def outcome(found: list[tuple[bool, list[str], list[str]]], mistake: Mistake) -> str:
    if not found:
        return "no difference"
    ids = [ids for _, ids, _ in found if ids]
    if not ids:
        return "unexplained"
    wrong = [named for named in ids if not {mistake.id, SAME.get(mistake.id)} & {*named}]
    if wrong:
        return f"wrong: {wrong[0][0]}"
    words = [why for _, named, why in found if named]
    return "perhaps" if all(text.startswith("perhaps") for why in words for text in why) else "named"


def controls(
    problem: Problem, rng: random.Random, whole: bool
) -> Iterator[tuple[str, dict[Quantity, float]]]:
    """Right numbers but for one, which is random or has a wrong digit; and nothing but random numbers."""
    quantities = asked(problem, whole)
    right = {q: x.number for q, x in compute(problem, {}).follows.items()}
    numbers = {q: right[q] for q in quantities}
    large = [q for q in quantities if abs(right[q]) > 1e-3]
    if not large:
        return
    q = rng.choice(large)
    yield "random number", {**numbers, q: rng.uniform(-2.0, 2.0) * right[q]}
    digits = list(f"{abs(right[q]):.4f}")
    places = [i for i, d in enumerate(digits) if d.isdigit()]
    i = rng.choice(places)
    digits[i] = rng.choice([d for d in "0123456789" if d != digits[i]])
    yield "a wrong digit", {**numbers, q: float("".join(digits)) * (1 if right[q] > 0 else -1)}
    digits = list(f"{abs(right[q]):.4f}")
    i, j = rng.sample(places, 2)
    digits[i], digits[j] = digits[j], digits[i]
    yield "two digits exchanged", {**numbers, q: float("".join(digits)) * (1 if right[q] > 0 else -1)}
    yield "all numbers random", {q: rng.uniform(-2.0, 2.0) * x for q, x in numbers.items()}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=30)
    parser.add_argument("--show", default="")
    args = parser.parse_args()
    rng = random.Random(0)
    total: Counter[str] = Counter()
    for whole in (True, False):
        for decimals in (None, 4):
            table: dict[str, Counter[str]] = defaultdict(Counter)
            for mistake in CATALOGUE.values():
                if mistake.id in (ROUNDING if decimals is None else ()) or (
                    mistake.id in OF_STEPS and not whole
                ):
                    continue
                for case in range(args.cases * 3):
                    if sum(table[mistake.id].values()) >= args.cases:
                        break
                    problem = network(rng) if case % 2 else expression(rng)
                    planted = plant(problem, asked(problem, whole), mistake, rng)
                    if planted is None:
                        continue
                    found = list(reasons_of(problem, dict(planted.numbers), decimals, whole))
                    result = outcome(found, mistake)
                    if result == "no difference":
                        continue
                    table[mistake.id][result] += 1
                    if args.show in (mistake.id, result.partition(":")[0]):
                        print(f"{mistake.id}: {planted.text!r} -> {found[:3]}")
            summary: Counter[str] = Counter()
            kind = f"{'papers' if whole else 'gradients'}, {decimals or 'all'} decimals"
            print(f"\n{kind}")
            for name, row in table.items():
                n = sum(row.values())
                if not n:
                    continue
                wrong = {k[7:]: v for k, v in row.items() if k.startswith("wrong")}
                summary.update({k.partition(":")[0]: v for k, v in row.items() if not k.startswith("wrong")})
                summary["wrong"] += sum(wrong.values())
                print(
                    f"{name:26} {n:4}  named {row['named']:3}  perhaps {row['perhaps']:3}  "
                    f"unexplained {row['unexplained']:3}  {wrong or ''}"
                )
            n = sum(summary.values())
            print({k: f"{v} ({v / n:.1%})" for k, v in summary.items()})
            total.update(summary)
            silent: dict[str, Counter[str]] = defaultdict(Counter)
            for case in range(args.cases * 10):
                problem = network(rng) if case % 2 else expression(rng)
                for name, numbers in controls(problem, rng, whole):
                    for _, ids, why in reasons_of(problem, numbers, decimals, whole):
                        result = (
                            "no reason"
                            if not ids
                            else "perhaps"
                            if why[0].startswith("perhaps")
                            else "reason"
                        )
                        silent[name][result] += 1
                        if args.show == "controls" and ids:
                            print(name, why)
            for name, row in silent.items():
                n = sum(row.values())
                print(
                    f"{name:26} {n:4}  no reason {row['no reason'] / n:.2%}  perhaps {row['perhaps'] / n:.2%}"
                )


if __name__ == "__main__":
    main()
