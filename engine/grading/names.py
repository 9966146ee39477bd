"""Names of quantities, as people write them: `dE/dw`, `∂J/∂w`, `w.grad`, `delta_5`, `δ₅`, `new w`, `w'`.

A name is cleaned, read as a value, a derivative or a number after the step, and what is left is looked up
among the labels: as it is first, then without regard to case. No name is ever taken for two things.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from itertools import takewhile

from engine.mistakes.computation import ADJOINT, UPDATED, VALUE, Quantity
from engine.value import PARAMETER, Value

_LONGEST = 100  # characters of a name; labels are shorter

# --- Writings that are made one.

_LOW, _HIGH = "₀₁₂₃₄₅₆₇₈₉", "⁰¹²³⁴⁵⁶⁷⁸⁹"
_DIGITS = str.maketrans(_LOW + _HIGH, "0123456789" * 2)
_SIGNS = str.maketrans({"′": "'", "’": "'", "´": "'", "`": "'", "$": "", "\\": "", "‚": ","})
_SAME = (
    (r"\\[dt]?frac\s*\{(.*?)\}\s*\{(.*)\}", r"\1/\2"),  # \frac{∂E}{∂w}
    (r"[{}]", ""),
    (r"\\?partial\b\s*", "∂"),
    (r"\\?nabla\b\s*", "∇"),
    (r"\\?delta(?![a-zA-Z])", "δ"),
    (rf"([{_LOW}]+)", r"_\1"),
    (rf"([{_HIGH}]+)", r"^\1"),
    (r"([_^])[(\[]\s*(\w+)\s*[)\]]", r"\1\2"),  # a^(2)
    (r"\^([^\W_]+)_([0-9]+)", r"_\2^\1"),  # a^2_1
)
_OF = r"(?P<of>[^\W_]\w*?)"  # what is differentiated
_READINGS = (  # what stands in a name for the label is one or two groups
    (ADJOINT, rf"[d∂]\s*{_OF}?\s*[/_]\s*[d∂]\s*(.+)"),
    (ADJOINT, r"(.+?)\s*\.\s*grad"),
    (ADJOINT, r"grad(?:ient)?(?:\s+of\b)?[\s_]*(.+)"),
    (ADJOINT, r"(.+?)[\s_]+grad(?:ient)?"),
    (ADJOINT, r"∇[\s_]*(.+)"),
    (UPDATED, r"(?:new|updated)[\s_]*(.+)"),
    (UPDATED, r"(.+?)[\s_^(]+(?:new|updated)\)?(?:[\s_,]+(.*))?"),
    (UPDATED, r"([^']+)'([^']*)"),
    (ADJOINT, r"[d∂]\s*(.+)"),  # "dw", as programs call it
)
_COMPILED = [(kind, re.compile(text, re.IGNORECASE)) for kind, text in _READINGS]
_NET_INPUT = re.compile(r"z(_.+)?")
_DELTA = re.compile(r"δ\s*(.*)")


def _clean(name: str) -> str:
    for pattern, same in _SAME:
        name = re.sub(pattern, same, name, flags=re.IGNORECASE)
    return " ".join(name.translate(_DIGITS).translate(_SIGNS).split()).strip(" =:")


def _key(label: str) -> str:
    """A label without what people leave out or add: `a_1^2`, `a1^2` and `a_{1}^{2}` are one."""
    inside = re.sub(r"^\((.*)\)$", r"\1", _clean(label))
    return re.sub(r"[\s_{}]", "", inside)


_LOOSER: Sequence[Callable[[str], str]] = (str, str.casefold, lambda key: key.casefold().replace(",", ""))


class UnknownNameError(LookupError):
    """No value has the label in a name.

    Args:
        label: the label.
        nearest: the name that is most like it; may be empty.
        labels: those that there are.
    """

    def __init__(self, label: str, nearest: str, labels: Sequence[str]) -> None:
        meant = f"; did you mean {nearest}?" if nearest else ""
        super().__init__(
            f"no value is labelled {label!r}; the labels are {', '.join(labels) or 'none'}{meant}"
        )
        self.nearest = nearest


def _begins_alike(a: str, b: str) -> int:
    """How many of the first letters and digits of two names are the same."""
    pairs = zip(filter(str.isalnum, a), filter(str.isalnum, b), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


class Vocabulary:
    """The names under which the numbers of a graph are claimed.

    Args:
        order: the values of the graph, parents first.
        output: the value that is differentiated.

    Example:
        >>> w = Value(0.5, "w_12^1")
        >>> z = w * 3
        >>> z.label = "z_1^1"
        >>> words = Vocabulary([w, z], z * z)
        >>> [words.standard(words.find(name)) for name in ("∂J/∂w₁₂¹", "w12^1.grad", "δ_1^1", "w_12^1'")]
        ['dE/dw_12^1', 'dE/dw_12^1', 'delta_1^1', 'new w_12^1']
    """

    def __init__(self, order: Sequence[Value], output: Value) -> None:
        self.output = output
        self._labelled = [value for value in order if value.label]
        self._by_label: dict[str, list[Value]] = defaultdict(list)
        self._by_key: list[dict[str, list[Value]]] = [defaultdict(list) for _ in _LOOSER]
        for value in self._labelled:
            self._by_label[value.label].append(value)
            key = _key(value.label)
            for loosen, values in zip(_LOOSER, self._by_key, strict=True):
                values[loosen(key)].append(value)

    # --- From a name to a quantity.

    def find(self, name: str) -> Quantity:
        """The quantity that a name means.

        Args:
            name: as it was written.

        Returns:
            The quantity.

        Raises:
            UnknownNameError: if no value has the label in the name.
            LookupError: if several have it, or the name is a derivative of another value than the output.
        """
        if len(name) > _LONGEST:
            raise LookupError(f"a name has at most {_LONGEST} characters, this one has {len(name):,}")
        if name in self._by_label:
            return Quantity(VALUE, self._only(self._by_label[name], name))
        cleaned = _clean(name)
        for kind, label in self._readings(cleaned):
            if found := self._values(label):
                return Quantity(kind, self._only(found, label))
        label = next((label for _, label, _ in _structured(cleaned)), cleaned)
        labels = list(dict.fromkeys(value.label for value in self._labelled))
        raise UnknownNameError(label, self._nearest(name), labels)

    def _readings(self, cleaned: str) -> Iterator[tuple[str, str]]:
        """What a name may mean, the likeliest first."""
        yield VALUE, cleaned
        for kind, label, of in _structured(cleaned):
            if of:
                self._refuse_other_numerator(of)
            yield kind, label

    def _values(self, label: str) -> list[Value]:
        if label in self._by_label:
            return self._by_label[label]
        key = _key(label)
        for loosen, values in zip(_LOOSER, self._by_key, strict=True):
            if found := values.get(loosen(key)):
                return found
        return []

    def _only(self, found: Sequence[Value], label: str) -> Value:
        if len(found) == 1:
            return found[0]
        labels = list(dict.fromkeys(value.label for value in found))
        if len(labels) == 1:
            raise LookupError(f"{len(found)} values are labelled {labels[0]!r}; give each its own label")
        raise LookupError(f"{label!r} may be {' or '.join(labels)}; write one of them")

    def _refuse_other_numerator(self, of: str) -> None:
        """`da/dw` is not the derivative of the output, whatever it looks like."""
        inner = self._by_label.get(of) or self._by_key[0].get(_key(of), [])
        if inner and self.output not in inner:
            letter = self._letter
            raise LookupError(
                f"this is a derivative of {of}; claim derivatives of the output, written d{letter}/d..."
            )

    def _nearest(self, name: str) -> str:
        kinds = (VALUE, ADJOINT, UPDATED)
        names = [self.standard(Quantity(kind, value)) for value in self._labelled for kind in kinds]
        close = get_close_matches(name, names, 5)
        return max(close, key=lambda other: _begins_alike(name, other), default="")

    # --- From a quantity to its name.

    @property
    def _letter(self) -> str:
        return self.output.label or "E"

    def standard(self, quantity: Quantity) -> str:
        """The name of a quantity in reports.

        Args:
            quantity: a value that has a label, before or after the step, or its adjoint.
        """
        label = quantity.value.label
        if quantity.kind == VALUE:
            return label
        if quantity.kind == UPDATED:
            return f"new {label}"
        if _NET_INPUT.fullmatch(label) and (delta := f"delta{label[1:]}") not in self._by_label:
            return delta
        return f"d{self._letter}/d{label}"

    def all(self, learning_rate: float | None, moved: Sequence[Value]) -> list[str]:
        """Everything that an exercise on this graph can ask for, in the order of the computation.

        Args:
            learning_rate: the learning rate of the step; None if there is no step.
            moved: the leaves that the step moves.

        Returns:
            The standard names: the computed values, the derivatives, then the step and what follows from it.
            In a network the derivatives are the deltas and the gradients.
        """
        computed = [v for v in self._labelled if v.parents]
        net_inputs = [v for v in computed if _NET_INPUT.fullmatch(v.label)]
        leaves = [v for v in self._labelled if v.kind == PARAMETER or v in moved]
        inner = net_inputs or [v for v in computed if v is not self.output]
        asked = [Quantity(VALUE, v) for v in computed]
        asked += [Quantity(ADJOINT, v) for v in (*reversed(inner), *(leaves or self._variables))]
        if learning_rate is not None:
            last = self._last()
            after = [*(v for v in leaves if v in moved), *(v for v in computed if v in last)]
            asked += [Quantity(UPDATED, v) for v in after]
        return [self.standard(q) for q in asked]

    @property
    def _variables(self) -> list[Value]:
        return [v for v in self._labelled if v.is_variable]

    def _last(self) -> set[Value]:
        """The output, and the values with a label that it is computed from at once."""
        seen, front = {self.output}, [self.output]
        for value in front:  # grows while it is walked
            if value is self.output or not value.label:
                new = [parent for parent in value.parents if parent not in seen]
                seen.update(new)
                front.extend(new)
        return {value for value in seen if value.label}


def _structured(cleaned: str) -> Iterator[tuple[str, str, str]]:
    """The ways to read a name that is not a label: what it is, the label in it, and what it is of."""
    if delta := _DELTA.fullmatch(cleaned):
        yield ADJOINT, f"z{delta[1]}", ""
    for kind, pattern in _COMPILED:
        if match := pattern.fullmatch(cleaned):
            groups = match.groupdict()
            of = groups.get("of") or ""
            label = "".join(g for g in match.groups()[len(groups) :] if g)
            yield kind, label, of
