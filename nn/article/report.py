"""The report on the worked example, which `deltagrad example` prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from engine.report import Block, Report, Table
from nn.article import worked_example
from nn.article.worked_example import (
    EDITIONS,
    LEARNING_RATE,
    NEURONS,
    PUBLISHED,
    Pass,
    PublishedMistake,
    is_right,
)
from nn.proof.agreement import AgreementReport

RULES = {
    6: "δ_6 = dJ/do · f'(z_6) = o − y",
    5: "δ_5 = a_5 (1 − a_5) · δ_6 w_65",
    4: "δ_4 = a_4 (1 − a_4) · δ_6 w_64",
    3: "δ_3 = a_3 (1 − a_3) · δ_5 w_53",
    2: "δ_2 = a_2 (1 − a_2) · (δ_4 w_42 + δ_5 w_52)",
    1: "δ_1 = a_1 (1 − a_1) · (δ_4 w_41 + δ_5 w_51)",
}


@dataclass(frozen=True)
class ExampleReport(Report):
    """The worked example: its numbers, their proof, and the mistakes of the published editions.

    Attributes:
        exact: the numbers, by the engine.
        agreement: its gradients by three routes.
        mistakes: those of the published editions, demonstrated.
    """

    exact: Pass
    agreement: AgreementReport
    mistakes: list[PublishedMistake]

    @property
    def ok(self) -> bool:
        """Whether the three routes agree, the last edition is right, and the mistakes explain the first."""
        numbers = self.exact.by_name()
        last = all(is_right(printed[-1], numbers[name]) for name, printed in PUBLISHED.items())
        return self.agreement.ok and last and all(mistake.explains for mistake in self.mistakes)

    @property
    def headline(self) -> str:
        """The finding in one line."""
        before, after = self.exact.a[6], self.exact.output
        first = PUBLISHED["output after the step"][0]
        if not self.ok:
            return "The worked example does not come out: " + self.agreement.headline
        return (
            f"One step takes the output from {before:.4f} to {after:.4f}. The {first} first published comes "
            "from two mistakes."
        )

    def data(self) -> dict[str, Any]:
        """The exact numbers, the three routes, the editions and their mistakes as data."""
        numbers = self.exact.by_name()
        return {
            "exact": asdict(self.exact),
            "agreement": self.agreement.to_dict(),
            "published": {
                edition: {
                    name: {
                        "printed": printed[k],
                        "exact": numbers[name],
                        "right": is_right(printed[k], numbers[name]),
                    }
                    for name, printed in PUBLISHED.items()
                }
                for k, edition in enumerate(EDITIONS)
            },
            "mistakes": [asdict(mistake) | {"explains": mistake.explains} for mistake in self.mistakes],
        }

    @property
    def tables(self) -> list[Table]:
        """The network, both passes, the three routes, the step, the editions and their mistakes."""
        return [
            self._weights(),
            self._forward(),
            self._backward(),
            self._routes(),
            self._step(),
            self._editions(),
            self._mistakes(),
        ]

    def _weights(self) -> Table:
        weights = {p.label: p.data for p in worked_example.network().parameters()}
        rows = []
        for i in (i for layer in NEURONS for i in layer):
            own = [f"{name} = {x:g}" for name, x in weights.items() if name.split("_")[1][0] == str(i)]
            rows.append([str(i), "   ".join(own)])
        return _chapter(
            "The network",
            "Two inputs x = (1, 0), hidden neurons 1, 2, 3 and 4, 5, output neuron 6, label y = 1. Sigmoids "
            "everywhere, log loss J = −log o. A connection that is not listed is absent. There is none from "
            "the input x_2: it is 0, so its weights would change nothing.",
            ("neuron", "weights and bias"),
            rows,
            align="ll",
        )

    def _forward(self) -> Table:
        return _chapter(
            "Forward pass",
            "Net input z_i = Σ w_ij a_j + b_i, activation a_i = 1 / (1 + exp(−z_i)).",
            ("neuron", "z", "a"),
            [[str(i), f"{z:.12f}", f"{self.exact.a[i]:.12f}"] for i, z in self.exact.z.items()],
        )

    def _backward(self) -> Table:
        return _chapter(
            "Backward pass",
            "The delta rule, from the output back: δ_i = f'(z_i) · Σ δ_j w_ji, with f' = a (1 − a).",
            ("rule", "δ"),
            [[rule, f"{self.exact.delta[i]:.12f}"] for i, rule in RULES.items()],
        )

    def _routes(self) -> Table:
        (table,) = self.agreement.tables
        return replace(
            table,
            title="Gradients by three routes",
            text="dE/dw_ij = δ_i a_j. Reverse mode is the engine's; the delta rule is a closed form that "
            "shares no code with it; the truth is the forward pass alone, run on balls that move, with no "
            "rule for a derivative. The gap is between the first two, in units in the last place.",
            notes=[*table.notes, self.agreement.headline],
        )

    def _step(self) -> Table:
        before = {p.label: p.data for p in worked_example.network().parameters()}
        rows = [
            [name, f"{before[name]:g}", f"{gradient:.12f}", f"{self.exact.updated[name]:.12f}"]
            for name, gradient in self.exact.gradient.items()
        ]
        return _chapter(
            "The step",
            f"w ← w − α dE/dw with the learning rate α = {LEARNING_RATE}, and the second forward pass.",
            ("parameter", "before", "dE/dw", "after"),
            [*rows, ["output o", f"{self.exact.a[6]:.12f}", "", f"{self.exact.output:.12f}"]],
        )

    def _editions(self) -> Table:
        exact = self.exact.by_name()
        right = {name: [is_right(x, exact[name]) for x in printed] for name, printed in PUBLISHED.items()}
        rows = [
            [
                name,
                *[x if ok else f"✗ {x}" for x, ok in zip(printed, right[name], strict=True)],
                f"{exact[name]:.12f}",
            ]
            for name, printed in PUBLISHED.items()
        ]
        return _chapter(
            "What was published",
            "Three editions beside the exact numbers; ✗ marks numbers that are more than one off in their "
            "last digit.",
            ("", *EDITIONS, "exact"),
            rows,
            right=[all(of_name) for of_name in right.values()],
        )

    def _mistakes(self) -> Table:
        rows = [[m.name, f"{m.exact:.6f}", f"{m.with_mistake:.6f}", m.published] for m in self.mistakes]
        return _chapter(
            "The two mistakes",
            "Put a mistake back into the exact computation, and the published number comes out.",
            ("number", "exact", "with the mistake", "published"),
            rows,
            remarks=[(m.name, m.text) for m in self.mistakes],
        )


def build() -> ExampleReport:
    """Compute the worked example and its report.

    Returns:
        The report.

    Example:
        >>> build().headline
        'One step takes the output from 0.6718 to 0.6981. The 0.7043 first published comes from two mistakes.'
    """
    return ExampleReport(worked_example.by_engine(), worked_example.agreement(), worked_example.mistakes())


def _chapter(
    title: str,
    text: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[bool] | None = None,
    remarks: Sequence[tuple[str, str]] = (),
    align: str = "",
) -> Table:
    """A table with a heading: of a name and numbers, unless it is aligned otherwise."""
    blocks = [Block(rows, [True] * len(rows) if right is None else right, remarks)]
    return Table(header, blocks, title=title, text=text, align=align or "l" + "r" * (len(header) - 1))
