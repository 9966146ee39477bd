"""The worked example, told: what `deltagrad example` prints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from nn.article import worked_example
from nn.article.worked_example import EDITIONS, LEARNING_RATE, NEURONS, PUBLISHED, Pass, Slip, is_right
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
class ExampleReport:
    """Everything there is to say about the worked example. It prints with `rich`.

    Attributes:
        exact: the numbers, by the engine.
        agreement: its gradients by three routes.
        slips: the mistakes of the published editions, demonstrated.
    """

    exact: Pass
    agreement: AgreementReport
    slips: list[Slip]

    @property
    def ok(self) -> bool:
        """Whether the three routes agree, the last edition is right, and the slips explain the first."""
        numbers = self.exact.by_name()
        last = all(is_right(printed[-1], numbers[name]) for name, printed in PUBLISHED.items())
        return self.agreement.ok and last and all(slip.explains for slip in self.slips)

    @property
    def verdict(self) -> str:
        """The finding in a line."""
        before, after = self.exact.a[6], self.exact.output
        first = PUBLISHED["output after the step"][0]
        if not self.ok:
            return "The worked example does not come out: " + self.agreement.summary
        return (
            f"One step takes the output from {before:.4f} to {after:.4f}. The {first} first published comes "
            "from two slips."
        )

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data."""
        numbers = self.exact.by_name()
        return {
            "ok": self.ok,
            "verdict": self.verdict,
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
            "slips": [asdict(slip) | {"explains": slip.explains} for slip in self.slips],
        }

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for title, text, content in self._chapters():
            yield Rule(title, align="left", style="dim")
            yield Padding(Text(text), (0, 0, 1, 0))
            yield Padding(content, (0, 0, 1, 2))
        yield Rule(style="dim")
        yield Text(self.verdict, style="bold green" if self.ok else "bold red")

    def _chapters(self) -> Iterator[tuple[str, str, RenderableType]]:
        yield (
            "The network",
            "Two inputs x = (1, 0), hidden neurons 1, 2, 3 and 4, 5, output neuron 6, label y = 1. Sigmoids "
            "everywhere, log loss J = −log o. A connection that is not listed is absent. From the input x_2 "
            "there is none: it is 0, and what multiplies it drops out.",
            self._weights(),
        )
        yield (
            "Forward pass",
            "Net input z_i = Σ w_ij a_j + b_i, activation a_i = 1 / (1 + exp(−z_i)).",
            self._forward(),
        )
        yield (
            "Backward pass",
            "The delta rule, from the output back: δ_i = f'(z_i) · Σ δ_j w_ji, with f' = a (1 − a).",
            self._backward(),
        )
        yield (
            "Gradients by three routes",
            "dE/dw_ij = δ_i a_j. Reverse mode is the engine's; the delta rule is a closed form that shares "
            "no code with it; the difference moves each weight in 60-digit arithmetic and knows no "
            "derivative. The gap is between the first two, in units in the last place.",
            self.agreement,
        )
        yield (
            "The step",
            f"w ← w − α dE/dw with the learning rate α = {LEARNING_RATE}, and the second forward pass.",
            self._step(),
        )
        yield (
            "What was published",
            "Three editions beside the exact numbers; ✗ marks what is more than one off in its last digit.",
            self._editions(),
        )
        yield (
            "The two slips",
            "Put a slip back into the exact computation, and the published number comes out.",
            self._slips(),
        )

    def _weights(self) -> Table:
        table = _table("neuron")
        table.add_column("weights and bias")
        weights = {p.label: p.data for p in worked_example.network().parameters()}
        for i in (i for layer in NEURONS for i in layer):
            own = [f"{name} = {x:g}" for name, x in weights.items() if name.split("_")[1][0] == str(i)]
            table.add_row(str(i), "   ".join(own))
        return table

    def _forward(self) -> Table:
        table = _table("neuron", "z", "a")
        for i, z in self.exact.z.items():
            table.add_row(str(i), f"{z:.12f}", f"{self.exact.a[i]:.12f}")
        return table

    def _backward(self) -> Table:
        table = _table("rule", "δ")
        for i, rule in RULES.items():
            table.add_row(rule, f"{self.exact.delta[i]:.12f}")
        return table

    def _step(self) -> Table:
        table = _table("parameter", "before", "dE/dw", "after")
        before = {p.label: p.data for p in worked_example.network().parameters()}
        for name, gradient in self.exact.gradient.items():
            table.add_row(name, f"{before[name]:g}", f"{gradient:.12f}", f"{self.exact.updated[name]:.12f}")
        table.add_section()
        table.add_row("output o", f"{self.exact.a[6]:.12f}", "", f"{self.exact.output:.12f}")
        return table

    def _editions(self) -> Table:
        table = _table("", *EDITIONS, "exact")
        exact = self.exact.by_name()
        for name, printed in PUBLISHED.items():
            cells = [
                Text(number) if is_right(number, exact[name]) else Text(f"✗ {number}", style="bold red")
                for number in printed
            ]
            table.add_row(name, *cells, f"{exact[name]:.12f}")
        return table

    def _slips(self) -> Table:
        table = Table.grid(padding=(0, 2, 1, 0))
        for number, slip in enumerate(self.slips, start=1):
            proof = (
                f"{slip.name}: exact {slip.exact:.6f}, with the slip {slip.with_slip:.6f}, "
                f"published {slip.published}"
            )
            table.add_row(f"{number}.", Text.assemble(slip.text, "\n", (proof, "bold")))
        return table


def build() -> ExampleReport:
    """Compute the worked example and everything about it.

    Returns:
        The report.

    Example:
        >>> build().verdict
        'One step takes the output from 0.6718 to 0.6981. The 0.7043 first published comes from two slips.'
    """
    return ExampleReport(worked_example.by_engine(), worked_example.agreement(), worked_example.slips())


def _table(first: str, *numbers: str) -> Table:
    """A table of a text and right-aligned numbers, without more lines than it needs."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column(first, overflow="fold")
    for heading in numbers:
        table.add_column(heading, justify="right")
    return table
