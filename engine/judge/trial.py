"""A program that engines are put through, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, eq=False)
class Trial:
    """A program.

    Args:
        id: its name in data.
        group: which points it counts for.
        source: its text.
        at: the numbers of its leaves.
        about: what it shows, such as "a - b", for messages; programs about one thing have the same.
        op: the operation of the table that it is about; may be empty.
        reads: more results than y and the gradients: expressions by name.
        leaves: what the gradients are taken by, as text; by default the names of `at`.
        only: whether `reads` are all its results.
        seconds: how long it may use the processor.
        either: whether gradients of the last pass alone are right too: a convention.
        known: the results that are right, if they are known without running it.
        remark: what to say if it does not come out; then it costs no points.
    """

    id: str
    group: str
    source: str
    at: Mapping[str, float]
    about: str
    op: str = ""
    reads: Mapping[str, str] = field(default_factory=dict)
    leaves: str = ""
    only: bool = False
    seconds: float = 2.0
    either: bool = False
    known: Mapping[str, float] = field(default_factory=dict)
    remark: str = ""

    @property
    def text(self) -> str:
        """The source, with its backward pass."""
        return self.source if "backward(" in self.source or self.only else f"{self.source}\nbackward(y)"

    @property
    def results(self) -> dict[str, str]:
        """What is read after the program has run."""
        usual = {} if self.only else {"y": "number(y)", **{name: f"gradient({name})" for name in self.at}}
        return {**usual, **self.reads}
