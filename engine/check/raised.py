"""What the code of others raises or returns, in one line of a report, whatever it is."""

from typing import Any

from engine.value import shortened

RAISED = (Exception, SystemExit)
"""What is told. Ctrl-C and the outcomes of a test, such as that of `pytest.skip`, are not for a report."""


def said(error: BaseException) -> str:
    r"""What an error says, to be written after its type.

    Args:
        error: the error.

    Returns:
        A colon and the first line of its message; nothing if it has none, or none that can be read.

    Example:
        >>> said(ValueError("no", "yes")), said(ValueError("two\nlines")), said(ValueError())
        (": ('no', 'yes')", ': two', '')
    """
    try:
        text = str(error).strip().partition("\n")[0].strip()
    except RAISED:  # a message is computed by code of others too
        return ""
    return f": {text}" if text else ""


def shown(x: Any) -> str:
    """What somebody's code returned: its type, and the object in one line if it can be shown.

    Args:
        x: the object.

    Returns:
        The text.

    Example:
        >>> shown(1.5), shown(None)
        ('float 1.5', 'None')
    """
    if x is None:
        return "None"
    try:
        return f"{type(x).__name__} {shortened(repr(x))}"
    except RAISED:
        return type(x).__name__
