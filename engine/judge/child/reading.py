"""What a judged engine holds, as a number."""

from typing import Any


def number(x: Any, depth: int = 0) -> str:
    """A number as hexadecimal text, or words for what is no number, such as "None"."""
    if isinstance(x, bool) or x is None:
        return float(x).hex() if x is not None else "None"
    if isinstance(x, (int, float)):
        return float(x).hex()
    size = getattr(x, "size", None)
    if size == 1 and hasattr(x, "item"):  # an array of one number
        return number(x.item(), depth + 1)
    inner = next((getattr(x, name) for name in ("data", "value", "val", "v") if hasattr(x, name)), None)
    if inner is not None and depth < 3 and not callable(inner) and not isinstance(inner, memoryview):
        return number(inner, depth + 1)
    try:
        return float(x).hex()
    except Exception:  # whatever the conversion does
        return f"a {type(x).__name__}"
