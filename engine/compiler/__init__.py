"""From a recorded graph of scalars to a program on matrices.

Each pass is a small function from one form of the program to the next, in this order:

    nodes          the recorded graph as a list; `engine.derivatives` has recorded its derivative before
    zero_adjoints  an adjoint of 0 propagates nothing, not even to an infinite partial
    simplify       constants, zeros, ones, common subexpressions
    flatten        sums and products become sums of products
    schedule       levels, and the groups of nodes that one instruction computes
    layout         the rows of memory that hold the numbers
    recognize      matrix products and outer products; everything becomes instructions
    fuse           operations that share work
    generate       instructions bound to the arrays of one batch size

`program` runs the passes, `arguments` checks the arguments of users, `describe` prints and draws a program.
"""

from engine.compiler.program import Program, compile

__all__ = ["Program", "compile"]
