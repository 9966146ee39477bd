"""Data sets: generated, shipped with the package, or read from a table."""

from nn.data.sets import (
    DATASETS,
    DataError,
    Dataset,
    Standardization,
    circles,
    diabetes,
    digits,
    iris,
    load_csv,
    moons,
    spirals,
    xor,
)

__all__ = [
    "DATASETS",
    "DataError",
    "Dataset",
    "Standardization",
    "circles",
    "diabetes",
    "digits",
    "iris",
    "load_csv",
    "moons",
    "spirals",
    "xor",
]
