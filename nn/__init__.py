"""Networks of recorded scalars, and the closed-form delta rule that checks them."""
