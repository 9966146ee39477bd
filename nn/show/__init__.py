"""Networks drawn, explained and played."""
