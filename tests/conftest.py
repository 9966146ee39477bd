"""What holds for every test."""

import pytest
from hypothesis import settings

settings.register_profile("full", deadline=None)  # right is right on a busy machine too
settings.register_profile("quick", settings.get_profile("full"), max_examples=20)


def pytest_configure(config: pytest.Config) -> None:
    """Fewer random examples in the quick part of the tests."""
    settings.load_profile("quick" if config.getoption("markexpr") == "not slow" else "full")
