"""From a recorded graph of scalars to a program on matrices.

Each pass is a small function from one form of the program to the next, in this order:

    graph       what was recorded, as a list; its derivative is recorded before by `engine.derivatives`
    guard       an adjoint of 0 propagates nothing, not even to an infinite partial
    simplify    constants, zeros, ones, common subexpressions
    flatten     sums and products become sums of products
    schedule    levels, and groups of nodes that one instruction computes
    layout      the rows of memory that their numbers lie in
    recognize   matrix products and outer products; everything becomes instructions
    together    operations that share work
    generate    instructions bound to arrays of one batch size

`program` runs them, `listing` says in words what came out.
"""

from engine.compiler.program import Program, compile

__all__ = ["Program", "compile"]
