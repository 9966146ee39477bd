"""The catalogue: every mistake by its id."""

from engine.mistakes import of_engines, of_functions, of_products, of_results, of_rounding, of_values
from engine.mistakes.mistake import Mistake

CATALOGUE: dict[str, Mistake] = {
    row.id: row
    for module in (of_results, of_rounding, of_functions, of_products, of_values, of_engines)
    for row in module.ROWS
}
