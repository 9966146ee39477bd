"""Mistakes in engines: what those who write their own `Value` do wrong."""

from engine.mistakes.mistake import Mistake

ROWS = (
    # The backward pass
    Mistake(
        "sets-in-place-of-adding",
        "the gradient is set where it must be added to",
        "`a + a` has the derivative 1 in place of 2; of a value that is used twice, one use is lost",
        "A value that is used more than once gets a part of its gradient from each use.",
        "Write `+=` in place of `=` wherever an operation gives a gradient to its operands.",
        r"\bar{x} \mathrel{+}= \bar{y}\,\frac{\partial y}{\partial x}",
    ),
    Mistake(
        "arriving-gradient-left-out",
        "the gradient of the result is left out",
        "an operation alone is right, and wrong as soon as another operation follows it",
        "By the chain rule the local derivative is multiplied by the gradient of the result.",
        "Multiply the local derivative by the gradient of the result: `out.grad`, or what you call it.",
        r"\bar{x} \mathrel{+}= \bar{y}\,\frac{\partial y}{\partial x}",
    ),
    Mistake(
        "visited-too-early",
        "the backward pass visits a value before all its uses are complete",
        "chains are right, and graphs are wrong in which a value is used at different depths",
        "A value passes on its gradient once. Uses that come later add to it, and that part is never "
        "passed on, "
        "or passed on twice.",
        "List the values in topological order, operands first; go through the list backwards, each "
        "value once.",
    ),
    Mistake(
        "visited-again",
        "the backward pass visits a value more than once",
        "gradients are too large where a value is used twice",
        "Each visit passes on the whole gradient that the value has, with the part that was passed on "
        "before.",
        "Visit each value once: remember those that are listed, and list a value only the first time.",
    ),
    Mistake(
        "leaves-first",
        "the backward pass goes from the leaves to the result",
        "one operation is right, and the leaves of two operations in a row get 0",
        "When an operation is visited, the gradient of its result must be complete.",
        "Go through the topological order backwards: `reversed(order)`.",
    ),
    Mistake(
        "partials-kept-by-operand",
        "an operation keeps one derivative for each operand, and here both operands are the same value",
        "`a + a`, `a - a` or `a / a` is wrong, and graphs in which a value is used by two operations "
        "are right",
        "In a dictionary, the second entry of a key replaces the first.",
        "Keep a list of pairs, an operand and its derivative, with a pair for each use.",
    ),
    Mistake(
        "inner-gradients-kept",
        "the gradients of computed values stay for the next backward pass",
        "after a second backward pass the gradients are neither those of the last pass nor the sum of both",
        "What is left from the pass before is passed on again.",
        "Set the gradient of each computed value to 0 before a pass; those of leaves may add up.",
    ),
    Mistake(
        "operands-not-found",
        "the backward pass does not find the operands of the result",
        "an operation on a leaf is right, and on a computed value the gradient stops there",
        "The backward pass finds operands through the result, and visits them to pass their gradients on.",
        "Give the result the operands that it was computed from.",
    ),
    # Derivatives of operations
    Mistake(
        "sign-of-second-operand-flipped",
        "the derivative by the second operand has the wrong sign",
        "right by the first operand, negative by the second",
        "In a difference and in a quotient the second operand has a minus.",
        "Add the minus.",
    ),
    Mistake(
        "operand-forgotten",
        "one of the operands gets no gradient",
        "the gradient of one operand stays 0",
        "Both operands take part, so both have a derivative.",
        "Give the other operand its gradient too, or refuse it.",
    ),
    Mistake(
        "result-not-connected",
        "no gradient goes from the result to its operands",
        "the value is right and every gradient stays 0",
        "The backward pass finds operands through the result.",
        "Give the result its operands and its backward function, as the other operations do.",
    ),
    Mistake(
        "gate-always-open",
        "negative operands pass the gradient on",
        "the derivative of relu is 1 everywhere",
        "Where the operand is negative, relu is constant. `out.data >= 0` is true everywhere.",
        "Let the gradient pass where the operand is positive: `> 0`.",
    ),
    Mistake(
        "gradient-for-number",
        "the gradient of the other operand stands where its number must stand",
        "a product of two fresh values gives no gradient at all",
        "The derivative of a product by one factor is the number of the other factor.",
        "Multiply by the number of the other operand, as in `other.data * out.grad`.",
    ),
    Mistake(
        "derivative-inverted",
        "the derivative is upside down",
        "of log, x in place of 1/x",
        "The derivative is a quotient, and its numerator and denominator changed places.",
        "Compare with the formula of the derivative.",
    ),
    Mistake(
        "logarithm-left-out",
        "the logarithm of the base is left out",
        "of 2ˣ, 2ˣ in place of 2ˣ ln 2",
        "The derivative of bˣ by x is bˣ ln b.",
        "Multiply by the logarithm of the base.",
        r"\frac{d}{dx}b^x = b^x \ln b",
    ),
    Mistake(
        "square-left-out",
        "a square is left out in the derivative",
        "of tanh, 1 - tanh(x) in place of 1 - tanh(x)²",
        "The formula has a square where the program has none.",
        "Square what the formula squares.",
    ),
    Mistake(
        "constant-factor",
        "the derivative is off by a constant factor",
        "each derivative is the truth times the same number",
        "A constant of the formula is missing, or stands there twice.",
        "Compare the constants with the formula.",
    ),
    Mistake(
        "operands-reversed",
        "the operands are taken in the wrong order",
        "`2 - a` gives a - 2",
        "The reflected method gets the right operand as `self`.",
        "In `__rsub__`, `__rtruediv__` and `__rpow__` the other comes first: `other - self`.",
    ),
    # Programs that do not come to their end
    Mistake(
        "returns-nothing",
        "the operation returns nothing",
        "the result is None",
        "A function without `return` returns None.",
        "Return the result.",
    ),
    Mistake(
        "endless-recursion",
        "a method calls itself without end",
        "RecursionError in a program of one line",
        "A reflected method that writes `other - self` calls itself.",
        "Make a value of the number first, then compute.",
    ),
    Mistake(
        "recursion-too-deep",
        "the backward pass is recursive, and Python limits the depth of recursion",
        "RecursionError for a long chain, such as a sum over many examples",
        "Python allows about 1,000 calls inside each other.",
        "Keep a list of the values to visit, in place of recursion.",
    ),
    Mistake(
        "exponential-time",
        "the backward pass takes each path from the result to a leaf by itself",
        "a graph of 40 operations never ends",
        "Each value that is used twice doubles the number of paths.",
        "Visit each value once, in topological order.",
    ),
    Mistake(
        "quadratic-time",
        "the time grows much faster than the number of operations",
        "a long chain takes very long",
        "Looking a value up in a list goes through the whole list.",
        "Keep the visited values in a set.",
    ),
    Mistake(
        "power-of-zero",
        "0 is raised to a negative power in the derivative of a ** 0",
        "ZeroDivisionError for `a ** 0` at a = 0",
        "The derivative of a constant is 0, also where n a**(n - 1) is undefined.",
        "Take 0 as the derivative if the exponent is 0.",
    ),
    Mistake(
        "overflow-on-the-way",
        "a number on the way overflows, where the result does not",
        "OverflowError or NaN for large operands, such as 800",
        "exp(800) is beyond the largest float.",
        "Use a form with exp of a negative number only, or a function such as math.tanh.",
    ),
    Mistake(
        "never-freed",
        "graphs that are dropped stay in memory",
        "the memory grows with each backward pass",
        "Something of the module or of the class still holds them.",
        "Keep no list of all values, or empty it.",
    ),
    Mistake(
        "order-by-chance",
        "the gradient differs from run to run",
        "the same program has different gradients",
        "The order of a set depends on addresses in memory.",
        "Visit operands in a fixed order, each value after all its uses.",
    ),
)
