# %% [markdown]
# # 1. An engine in 100 lines
#
# **The question.** What does `loss.backward()` do?
#
# **Aim.** You build an engine that differentiates your programs, in eight steps. Every step begins with a
# program that the step before gets wrong.
#
# You need Python's classes, and what a derivative is. Allow 40 minutes. Wherever it says **Predict**, write
# your answer down before you run the cell.

# %%
import math

import matplotlib.pyplot as plt

from engine import Value, check_gradients


def check(f, **at):
    """Your gradients of f, held against the truth."""
    leaves = {name: Number(x) for name, x in at.items()}
    try:
        f(**leaves).backward()
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
        return
    claimed = {name: leaf.grad for name, leaf in leaves.items()}
    print(check_gradients(f, **at, claimed=claimed).headline)


# %% [markdown]
# `check` runs your engine. The truth comes from somewhere else: the program itself runs on numbers with many
# more digits, which move, so that one sees how the result moves. None of your rules takes part, and where you
# are wrong it says how.
#
# ## 1. Numbers that remember
#
# Here is a program. Its result is 10, and that is all that Python knows of it.

# %%
a, b, c = 2.0, 3.0, 4.0
a * b + c

# %% [markdown]
# Which numbers was it made of? A float cannot say. Make a number that can: each result keeps its `parents`.


# %%
class Number:
    def __init__(self, data, parents=()):
        self.data = data
        self.parents = parents

    def __add__(self, other):
        return Number(self.data + other.data, (self, other))

    def __mul__(self, other):
        # --- solution
        return Number(self.data * other.data, (self, other))
        # --- student
        # ...
        # ---


# %%
def tell(number, indent=""):
    print(indent, number.data)
    for parent in number.parents:
        tell(parent, indent + "    ")


tell(Number(2.0) * Number(3.0) + Number(4.0))

# %% [markdown]
# The same record as a picture, drawn by the engine of this project, whose numbers are called `Value`. The
# numbers on the arrows are slopes: how fast a result changes with each of its parents.

# %%
a, b, c = Value(2.0, "a"), Value(3.0, "b"), Value(4.0, "c")
a * b + c

# %% [markdown]
# **Predict** how fast the result changes with $a$, with $b$ and with $c$. Type it in, and see.

# %%
# --- solution
guess = {"a": 3, "b": 2, "c": 1}
# --- student
# guess = {"a": ..., "b": ..., "c": ...}
# ---
print(check_gradients(lambda a, b, c: a * b + c, a=2.0, b=3.0, c=4.0, claimed=guess).headline)

# %% [markdown]
# ## 2. Backwards


# %%
def first(a, b, c):
    return a * b + c


check(first, a=2.0, b=3.0, c=4.0)

# %% [markdown]
# The engine remembers, and cannot differentiate. Give every number a `grad`: the slope of the *result* by
# this number. It is 1 for the result itself. From there it goes to the parents, and each operation knows
# how:
#
# - a sum passes its `grad` on to both;
# - a product passes it on times the *other* operand.


# %%
class Number(Number):  # the Number from above, and more
    grad = 0.0

    def pass_on(self):
        """A number that nothing was computed for has nobody to tell."""

    def __add__(self, other):
        out = Number(self.data + other.data, (self, other))

        def pass_on():
            self.grad = out.grad
            other.grad = out.grad

        out.pass_on = pass_on
        return out

    def __mul__(self, other):
        out = Number(self.data * other.data, (self, other))

        def pass_on():
            # --- solution
            self.grad = other.data * out.grad
            other.grad = self.data * out.grad
            # --- student
            # self.grad = ...
            # other.grad = ...
            # ---

        out.pass_on = pass_on
        return out

    def backward(self):
        self.grad = 1.0
        self.walk()

    def walk(self):
        self.pass_on()
        for parent in self.parents:
            parent.walk()


check(first, a=2.0, b=3.0, c=4.0)

# %% [markdown]
# ## 3. A number that is used twice
#
# **Predict** what your engine says of $a + a$.


# %%
def twice(a):
    return a + a


check(twice, a=3.0)

# %% [markdown] tags=["answer"]
# The second operand overwrites what the first one got. Both ways lead from $a$ to the result, so what
# arrives on them must be **added**.


# %%
class Number(Number):
    def __add__(self, other):
        out = Number(self.data + other.data, (self, other))

        def pass_on():
            # --- solution
            self.grad += out.grad
            other.grad += out.grad
            # --- student
            # ...
            # ---

        out.pass_on = pass_on
        return out

    def __mul__(self, other):
        out = Number(self.data * other.data, (self, other))

        def pass_on():
            # --- solution
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad
            # --- student
            # ...
            # ---

        out.pass_on = pass_on
        return out


check(twice, a=3.0)
check(first, a=2.0, b=3.0, c=4.0)

# %% [markdown]
# ## 4. A diamond
#
# Now a *result* is used twice. **Predict**: how often does the walk come to the card in the middle?


# %%
def square(a, b):
    u = a * b
    return u * u


square(Value(2.0, "a"), Value(3.0, "b"))

# %%
check(square, a=2.0, b=3.0)

# %% [markdown] tags=["answer"]
# Twice, and each time it passes on everything it has. So everything behind it is counted double.

# %% [markdown]
# A mend suggests itself: go to every number only once.


# %%
def once(self, seen):
    if self not in seen:
        seen.add(self)
        self.pass_on()
        for parent in self.parents:
            once(parent, seen)


class Number(Number):
    def walk(self):
        once(self, set())


def later(a, b):
    u = a * b
    return u + u * a


check(square, a=2.0, b=3.0)
check(later, a=2.0, b=3.0)

# %% [markdown]
# One is right now, another one is wrong.
#
# **Predict** which number told its parents too early. In which order must they speak?

# %%
later(Value(2.0, "a"), Value(3.0, "b"))

# %% [markdown] tags=["answer"]
# $u$ spoke as soon as it was met, before $u \cdot a$ had told it its part. A number may speak only when every
# number *computed from it* has spoken. So: put all in a row, parents first, and walk the row from its end.
# It is called the topological order.


# %%
def in_order(number, seen=None):
    """Everything that a number was computed from, parents first, and the number itself at the end."""
    seen = set() if seen is None else seen
    if number in seen:
        return []
    seen.add(number)
    # --- solution
    order = []
    for parent in number.parents:
        order += in_order(parent, seen)
    return [*order, number]
    # --- student
    # ...
    # ---


class Number(Number):
    def walk(self):
        for number in reversed(in_order(self)):
            number.pass_on()


check(square, a=2.0, b=3.0)
check(later, a=2.0, b=3.0)

# %% [markdown]
# ## 5. More than sums and products
#
# A neuron, and its distance from what it should say:


# %%
def neuron(w, x):
    return 0.5 * ((2 * w * x - 1).tanh() - x / w) ** 2


check(neuron, w=0.4, x=0.3)

# %% [markdown]
# Python asks 2 to multiply itself by a `Number`. It cannot, and asks the `Number` with `__rmul__`. Most
# of the rest can be said with what is there: $a - b = a + (-1) \cdot b$ and $a / b = a \cdot b^{-1}$. Only
# a power and $\tanh$ are new:
#
# $$\frac{d}{dx} x^p = p\, x^{p-1} \qquad \frac{d}{dx} \tanh x = 1 - \tanh^2 x$$


# %%
def as_number(x):
    return x if isinstance(x, Number) else Number(x)


sums, products = Number.__add__, Number.__mul__  # of step 3


class Number(Number):
    def __add__(self, other):
        return sums(self, as_number(other))

    def __mul__(self, other):
        return products(self, as_number(other))

    def __pow__(self, p):
        out = Number(self.data**p, (self,))

        def pass_on():
            # --- solution
            self.grad += p * self.data ** (p - 1) * out.grad
            # --- student
            # ...
            # ---

        out.pass_on = pass_on
        return out

    def tanh(self):
        out = Number(math.tanh(self.data), (self,))

        def pass_on():
            # --- solution
            self.grad += (1 - out.data**2) * out.grad
            # --- student
            # ...
            # ---

        out.pass_on = pass_on
        return out

    __radd__, __rmul__ = __add__, __mul__

    def __sub__(self, other):
        return self + as_number(other) * -1

    def __truediv__(self, other):
        # --- solution
        return self * as_number(other) ** -1
        # --- student
        # ...
        # ---


check(neuron, w=0.4, x=0.3)

# %% [markdown]
# ## 6. Gradients that stay
#
# Your engine can train. It fits a line through four points: $w$ should become 2, and $b$ should become 1.
# **Predict** what this loop lacks.


# %%
def mean_square(w, b):
    points = [(-1.0, -1.0), (0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]
    return sum((w * x + b - y) ** 2 for x, y in points) * 0.25


def train(afterwards):
    w, b = Number(0.0), Number(0.0)
    losses = []
    for _ in range(60):
        loss = mean_square(w, b)
        loss.backward()
        for p in (w, b):
            p.data -= 0.1 * p.grad
            afterwards(p)
        losses.append(loss.data)
    return losses


def nothing(p):
    """What the loop does with a parameter after its step: nothing, for now."""


plt.figure(figsize=(7, 2.5))
plt.plot(train(nothing))
plt.xlabel("step")
plt.ylabel("loss")
plt.show()

# %% [markdown] tags=["answer"]
# $w$ and $b$ *add* what arrives, since step 3, and nobody set them back. So each step still carries all steps
# before it, and rolls back and forth for ever. It is the most frequent mistake in a training loop, and
# nothing looks wrong in the code.


# %%
def mend(p):
    # --- solution
    p.grad = 0.0
    # --- student
    # ...
    # ---


plt.figure(figsize=(7, 2.5))
plt.plot(train(nothing), label="nothing")
plt.plot(train(mend), "--", label="mended")
plt.xlabel("step")
plt.ylabel("loss")
plt.legend()
plt.show()

# %% tags=["test"]
assert train(mend)[-1] < 1e-3 < max(train(nothing)[-10:])

# %% [markdown]
# Is it a mistake of the engine, then? No: a weight that many examples share *must* add. But there is one in
# the engine, too. **Predict** the gradient of $a \cdot a \cdot a$ at 2 after one `backward`, and after a
# second.

# %%
a = Number(2.0)
y = a * a * a
y.backward()
print("after the first: ", a.grad)
y.backward()
print("after the second:", a.grad)

# %% [markdown] tags=["answer"]
# Twice 12 would be 24. The number in the middle, $a \cdot a$, also kept what it had from the first time.
# Only a leaf, a number without parents, should keep its `grad`.


# %%
class Number(Number):
    def backward(self):
        # --- solution
        for number in in_order(self):
            if number.parents:
                number.grad = 0.0
        # --- student
        # ...
        # ---
        self.grad += 1.0
        self.walk()


a = Number(2.0)
y = a * a * a
y.backward()
y.backward()
print("after the second:", a.grad)

# %% [markdown]
# ## 7. Deep chains


# %%
def deep(a):
    y = a
    for _ in range(5000):
        y = y + a
    return y


check(deep, a=1.0)

# %% [markdown]
# `in_order` calls itself once for each number on the way, and Python stops after about a thousand. A loop
# has no such limit. It needs a pile of what is still to do: a number goes on it twice, first to look at its
# parents, then, when they are done, to take its place in the row.


# %%
def in_order(result):
    """Everything that a result was computed from, parents first."""
    order, seen, to_do = [], set(), [(result, False)]
    while to_do:
        number, parents_are_done = to_do.pop()
        # --- solution
        if parents_are_done:
            order.append(number)
        elif number not in seen:
            seen.add(number)
            to_do.append((number, True))
            to_do += [(parent, False) for parent in number.parents]
        # --- student
        # ...
        # ---
    return order


check(deep, a=1.0)
check(later, a=2.0, b=3.0)

# %% [markdown]
# ## 8. What was true then
#
# In a training loop, numbers are assigned. **Predict** `b.grad`: the result 6 was computed with $a = 2$.

# %%
a, b = Number(2.0), Number(3.0)
y = a * b
a.data = 100.0
y.backward()
print("result", y.data, "and gradient by b", b.grad)

# %% [markdown] tags=["answer"]
# The closure looks $a$ up when it is called, and that is too late: 100 is not the slope of anything that
# was computed. The slope must be kept when the operation is recorded.

# %% [markdown]
# So keep the slopes themselves, the `partials`, beside the parents, as in the pictures above: a number on
# each arrow. No closure is needed, every operation becomes one line, and `backward` does not know which
# operations there are. Here is the whole engine, in one cell.


# %%
import math


class Number:
    """A number that remembers what it was computed from."""

    def __init__(self, data, parents=(), partials=()):
        self.data = data
        self.parents = parents  # what it was computed from
        self.partials = partials  # its slope by each of them
        self.grad = 0.0  # the slope of the result by it

    def __repr__(self):
        return f"Number(data={self.data}, grad={self.grad})"

    def __add__(self, other):
        other = as_number(other)
        return Number(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = as_number(other)
        # --- solution
        return Number(self.data * other.data, (self, other), (other.data, self.data))
        # --- student
        # ...
        # ---

    def __pow__(self, p):
        slope = p * self.data ** (p - 1) if p else 0.0
        return Number(self.data**p, (self,), (slope,))

    def exp(self):
        y = math.exp(self.data)
        return Number(y, (self,), (y,))

    def log(self):
        return Number(math.log(self.data), (self,), (1 / self.data,))

    def tanh(self):
        y = math.tanh(self.data)
        # --- solution
        return Number(y, (self,), (1 - y**2,))
        # --- student
        # ...
        # ---

    def relu(self):
        # --- solution
        return Number(max(self.data, 0.0), (self,), (float(self.data > 0),))
        # --- student
        # ...
        # ---

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -as_number(other)

    def __rsub__(self, other):
        return as_number(other) - self

    def __truediv__(self, other):
        return self * as_number(other) ** -1

    def __rtruediv__(self, other):
        return as_number(other) / self

    def backward(self):
        order = in_order(self)
        # --- solution
        for number in order:
            if number.parents:
                number.grad = 0.0
        # --- student
        # ...
        # ---
        self.grad += 1.0
        for number in reversed(order):
            for parent, partial in zip(number.parents, number.partials, strict=True):
                # --- solution
                parent.grad += partial * number.grad
                # --- student
                # ...
                # ---


def as_number(x):
    return x if isinstance(x, Number) else Number(x)


def in_order(result):
    """Everything that a result was computed from, parents first: from step 7."""
    # --- solution
    order, seen, to_do = [], set(), [(result, False)]
    while to_do:
        number, parents_are_done = to_do.pop()
        if parents_are_done:
            order.append(number)
        elif number not in seen:
            seen.add(number)
            to_do.append((number, True))
            to_do += [(parent, False) for parent in number.parents]
    return order
    # --- student
    # ...
    # ---


# %%
check(first, a=2.0, b=3.0, c=4.0)
check(twice, a=3.0)
check(square, a=2.0, b=3.0)
check(later, a=2.0, b=3.0)
check(neuron, w=0.4, x=0.3)
check(deep, a=1.0)

# %% [markdown]
# ## Judged
#
# Our own programs were chosen by us. `judge` has many more, runs each of them on your engine, and says what
# is wrong and why. For an engine in a file there is `deltagrad judge my_engine.py`.

# %%
from engine.judge import judge

print(judge(Number))

# %% [markdown]
# ## Beside the others
#
# What the engines that you may know make of the same programs. The numbers of `micrograd` 0.1 and of
# PyTorch 2 were written down from a run of them; the last column is checked here.
#
# | program | truth | micrograd | PyTorch | your Number, and `Value` |
# |---|---|---|---|---|
# | `a + a` at 3 | 2 | 2 | 2 | 2 |
# | `u = a * b; u * u` at 2, 3, by a | 36 | 36 | 36 | 36 |
# | `a * a * a` at 2, `backward` twice | 24 | 32 | refuses; 24 with `retain_graph` | 24 |
# | 5000 sums in a chain | 5001 | RecursionError | 5001 | 5001 |
# | `y = a * b`, then `a` becomes 100, by b | 2 | 100 | 100 with `a.data = ...`; otherwise refuses | 2 |
#
# PyTorch is yours with arrays in place of numbers: it keeps what it needs for the slopes when an operation
# is recorded, sorts, walks back once, adds at the leaves, and leaves it to you to set them to 0.

# %% tags=["test"]
for kind in (Number, Value):
    a = kind(3.0)
    (a + a).backward()
    assert a.grad == 2

    a, b = kind(2.0), kind(3.0)
    square(a, b).backward()
    assert a.grad == 36

    a = kind(2.0)
    y = a * a * a
    y.backward()
    y.backward()
    assert a.grad == 24

    a = kind(1.0)
    deep(a).backward()
    assert a.grad == 5001

    a, b = kind(2.0), kind(3.0)
    y = a * b
    a.data = 100.0
    y.backward()
    assert (y.data, b.grad) == (6, 2)

assert judge(Number).points >= 90

# %% [markdown]
# ## What you have built
#
# It is the engine of this project in small. You can read the large one now:
#
# | yours | deltagrad | and more |
# |---|---|---|
# | `__init__` | [engine/value.py](../engine/value.py) | labels, pictures, errors that help |
# | value and slope of `tanh` | [engine/ops.py](../engine/ops.py) | a table, one row each; for arrays, too |
# | `__add__`, `tanh` | [engine/recording.py](../engine/recording.py) | made from the rows |
# | `in_order` | [engine/graph.py](../engine/graph.py) | sorts by the time of recording |
# | `backward` | [engine/backprop.py](../engine/backprop.py) | your two loops; 0 times infinity |
#
# And this is the film of it, for the diamond of step 4: watch who speaks when.

# %%
square(Value(2.0, "a"), Value(3.0, "b")).play()

# %% [markdown]
# ## Exercises
#
# **1.** Break it: take out the line that sets numbers with parents to 0, and judge it again. Then write `=`
# for `+=`. What does it say of each?
#
# <details><summary>Answer</summary>
#
# It shows the shortest program that goes wrong. The first mistake fails only where somebody walks back
# twice. The second fails wherever a number is used more than once, and has a name: "the gradient is set
# where it must be added to".
#
# </details>

# %% [markdown]
# **2.** Add `sigmoid`. Which of its slopes is the shortest to write?
#
# <details><summary>Answer</summary>
#
# The one by its own output: `y = 1 / (1 + math.exp(-self.data))` and the slope `y * (1 - y)`.
#
# </details>

# %% [markdown]
# **3.** `2**x` is an error. Where would you put it, and what is the slope?
#
# <details><summary>Answer</summary>
#
# In `__rpow__(self, base)`: the result is `y = base**self.data`, and its slope is `y * math.log(base)`.
#
# </details>
#
# ## Recap
#
# - Every result keeps its parents, and its slope by each of them as it was then.
# - Backwards means: everything in order, each once, multiply along an arrow and add where arrows meet.
# - Leaves keep what they get, so set them to 0 before the next step. Numbers between start anew each time.
