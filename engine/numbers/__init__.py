"""Number systems: one module each, all offering the same names to the rules of `engine.ops`.

A rule is written once, over a namespace `m` that it is handed. These are the namespaces:

- `floats` records: Python floats with the accuracy of the best libm, errors as Python's `math`;
- `arrays` follows IEEE 754 on NumPy numbers: it never raises, and so supplies the limits;
- `balls` bounds its own error, as narrowly as you ask, and carries derivatives: the truth;
- `frameworks` has the numbers of PyTorch, JAX and autograd, to compare their gradients.

`engine.functions` is the fourth: the same names over recorded `Value`s, for derivatives of derivatives.
"""
