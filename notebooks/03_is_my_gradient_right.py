# %% [markdown]
# # 3. Is my gradient right?
#
# **Aim.** You learn why the usual test of a gradient, a small step $h = 10^{-6}$ and a small tolerance,
# accepts wrong numbers and refuses right ones. Then you use a test that does neither, and that says what
# went wrong.
#
# You need notebook 1. Allow 20 minutes.

# %%
from math import exp, isclose, log, tanh

import matplotlib.pyplot as plt

import engine
from engine import Value, check_gradients, grade, relu, sigmoid

# %% [markdown]
# ## The usual test
#
# A derivative is a limit, so take a small $h$ and stop there:
#
# $$f'(x) \approx \frac{f(x + h) - f(x - h)}{2h}$$
#
# By Taylor's formula this is off by about $\tfrac{h^2}{6} f'''(x)$. So a smaller $h$ should always be
# better. **Predict** what this prints for $f = \tanh$ at 0.7, where $f'$ is about 0.63474: how many digits
# are right?


# %%
def difference(f, x, h=1e-6):
    return (f(x + h) - f(x - h)) / (2 * h)


def tanh_slope(x):
    """4 e^(-2x) / (1 + e^(-2x))², which is 1 - tanh², written so that nothing cancels."""
    return 4 * exp(-2 * x) / (1 + exp(-2 * x)) ** 2


print("difference:", difference(tanh, 0.7))
print("exact:     ", tanh_slope(0.7))
assert isclose(difference(tanh, 0.7), tanh_slope(0.7), rel_tol=1e-9)
assert f"{tanh_slope(0.7):.5f}" == "0.63474"

# %% [markdown]
# Ten digits. Good. Now the same at 15, where the neuron is saturated. **Predict** again.

# %%
print("difference:", difference(tanh, 15.0))
print("exact:     ", tanh_slope(15.0))
assert f"{tanh(15.0):.13f}" == "0.9999999999998"
assert difference(tanh, 15.0) == 0
assert isclose(tanh_slope(15.0), 3.7430491875353697e-13, rel_tol=1e-12)

# %% [markdown]
# The difference is 0: not one digit is right. A float holds about 16 digits. Near $x = 15$ all of them go
# into writing $\tanh(x) = 0.9999999999998$, and a step of $10^{-6}$ does not reach the last one. The two
# values **cancel**, and nothing is left.
#
# With $\log$ at $10^{-8}$ it is another story. The step leads to $10^{-8} - 10^{-6}$, where there is no
# logarithm.

# %%
try:
    difference(log, 1e-8)
except ValueError as error:
    print("ValueError:", error)
else:
    raise AssertionError("there should be no logarithm")

# %% [markdown]
# ## There is no good step
#
# Perhaps another $h$ would do? Below is the relative error for every step from $0.1$ down to $10^{-16}$. To
# the right the formula is too coarse. To the left the float runs out of digits. In between lies the best
# step, and it is a different one for each function and each place.

# %%
steps = [10 ** (-k / 8) for k in range(8, 129)]
functions = [
    ("tanh at 0.7", tanh, 0.7, tanh_slope(0.7)),
    ("tanh at 15", tanh, 15.0, tanh_slope(15.0)),
    ("log at 1e-8", log, 1e-8, 1e8),
]

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
best = {}
for (name, f, x, slope), style in zip(functions, ("-", "--", ":"), strict=True):
    inside = [h for h in steps if f is not log or h < x]
    errors = [abs(difference(f, x, h) / slope - 1) for h in inside]
    best[name] = min(errors)
    axes.loglog(inside, [error or 1e-17 for error in errors], style, label=name)
axes.axvline(1e-6, color="gray", linewidth=0.8, label="h = 1e-6")
axes.set_xlabel("step h")
axes.set_ylabel("relative error")
axes.legend()
plt.show()

for name, error in best.items():
    print(f"{name}: the best of {len(steps)} steps has the relative error {error:.0e}")
assert best["tanh at 15"] > 1e-4

# %% [markdown]
# At 15 no step gives even four right digits, and to the left of $10^{-4}$ the error is 1: everything is
# lost.
#
# ## A tolerance makes it worse
#
# What does the usual test do with an error of 1? It compares with an absolute tolerance, often $10^{-5}$.
# But the gradient itself is only $3.7 \cdot 10^{-13}$. So the test accepts 0. It accepts the wrong sign,
# too.

# %%
wrong = -tanh_slope(15.0)
assert abs(difference(tanh, 15.0) - wrong) < 1e-5  # "passed"
print("the usual test accepts", wrong, "for", tanh_slope(15.0))

# %% [markdown]
# ## A test without a step to choose
#
# `check_gradients` runs the function on *balls*: numbers with many digits and with a bound of their own
# error. They move along a direction and carry the derivative with them. So there is no step, rounding is
# never taken for a slope, and where a ball is too wide, more digits make it narrower. There is no tolerance
# to choose: a float should agree to the last places of a float.

# %%
report = check_gradients(engine.tanh, x=15.0, claimed=[wrong])
print(report)
assert not report.ok
assert "the sign is flipped" in report.headline

assert check_gradients(engine.tanh, x=15.0).ok
assert check_gradients(engine.log, x=1e-8).ok

# %% [markdown]
# ## A planted mistake
#
# Here is a small network, $J = (w_2\, a - 1)^2$ with $a = \sigma(w_1 x + b)$ and $x = 2$, and a gradient
# that somebody derived by hand. It contains one mistake, and it is the most common one. **Find it** before
# you run the cell. Which of the three derivatives does it spoil?


# %%
def squared_error(w_1, w_2, b):
    a = sigmoid(w_1 * 2.0 + b)
    return (w_2 * a - 1.0) ** 2


def by_hand(w_1, w_2, b):
    a = 1 / (1 + exp(-(w_1 * 2.0 + b)))
    error = 2 * (w_2 * a - 1.0)
    return {"w_1": error * w_2 * 2.0, "w_2": error * a, "b": error * w_2}


report = check_gradients(squared_error, w_1=0.3, w_2=-0.8, b=0.1, claimed=by_hand)
assert "the derivative of sigmoid(0.7) is left out" in report.headline
report

# %% [markdown]
# The derivative by $w_2$ is right; the other two lack the factor $\sigma'(0.7)$, which is 0.2217. The check
# divides the claimed number by the true one and looks for the quotient among the local derivatives of the
# graph. They are all there: notebook 1 showed where.

# %%
w_1, w_2, b = Value(0.3, "w_1"), Value(-0.8, "w_2"), Value(0.1, "b")
squared_error(w_1, w_2, b).backward()

z = w_1 * 2.0 + b
z.label = "z"
sigmoid(z)

# %%
missing = w_1.grad / by_hand(0.3, -0.8, 0.1)["w_1"]
a = 1 / (1 + exp(-0.7))
assert isclose(missing, a * (1 - a))
assert f"{missing:.4f}" == "0.2217"

# %% [markdown]
# ## Kinks
#
# Some functions have no derivative at a point. `relu` has the slope 0 on one side of 0 and 1 on the other.
# Every framework then gives some number between them, by convention. **Predict** the verdict: is 0 right,
# wrong, or neither?

# %%
report = check_gradients(relu, x=0.0)
print(report)
assert report.ok
assert (report.comparisons[0].left, report.comparisons[0].right) == (0, 1)

# %% [markdown]
# Neither. The check takes the slope on each side, reports both, and accepts what lies between.
#
# Conventions can add up to something wrong. `relu(x) - relu(-x)` is just $x$, and its slope is 1 everywhere.
# But at 0 each half reports 0.

# %%
report = check_gradients(lambda x: relu(x) - relu(-x), x=0.0)
print(report.headline)
assert not report.ok
assert report.comparisons[0].truth == 1
assert report.comparisons[0].engine == 0

# %% [markdown]
# ## Marking a hand computation
#
# A gradient by hand has many steps, and one slip spoils all that follow. `grade` marks each step on its
# own: right, wrong here, or carried forward from a wrong number before it. Label what can be claimed, and
# hand in the numbers as they were written. Text counts to its last decimal.
#
# This student knows the chain rule, and knows $\sigma'$, and made one slip. **Predict** which line is wrong
# here.

# %%
w, b = Value(0.5, "w"), Value(-1.0, "b")
z = w * 3.0 + b
z.label = "z"
a = sigmoid(z)
a.label = "a"
J = (a - 1.0) ** 2
J.label = "J"

paper = {"z": "0.5", "a": "0.6225", "dJ/da": "-0.3775", "dJ/dz": "-0.0887", "dJ/dw": "-0.2661"}
marks = grade(J, paper)
print(marks)
assert marks.verdicts["dJ/da"] == "wrong here"
assert marks.verdicts["dJ/dz"] == marks.verdicts["dJ/dw"] == "carried forward"
assert "a factor 2 is missing" in marks.mistakes[0]

# %% [markdown]
# Five numbers, one slip: the derivative of the square lost its factor 2. The last two lines follow correctly
# from it and deserve their marks.
#
# ## Exercises
#
# **1.** In the plot, which side of the curve for $\tanh$ at 0.7 is a straight line, and what is its slope?
# Which formula of this notebook says so?
#
# <details><summary>Answer</summary>
#
# The right side, where $h$ is large. On logarithmic axes its slope is 2: ten times the step, a hundred times
# the error. That is the $h^2$ of $\tfrac{h^2}{6} f'''(x)$.
#
# </details>
#
# **2.** Somebody checks $f(x) = 10^{-6} \sin x$ at 1 with $h = 10^{-6}$ and an absolute tolerance of
# $10^{-5}$. Which of these gradients pass: the right one, its double, its negative, 0? Which relative error
# would have to be asked for?
#
# <details><summary>Answer</summary>
#
# All of them pass: every one of these numbers is smaller than the tolerance. Divide by the size of the
# gradient before you compare. Then the negative has the relative error 2, the double and the 0 have 1, and
# the right one about $10^{-10}$.
#
# </details>
#
# **3.** $\max(x, y)$ at $x = y = 2$. What are the slopes on both sides by $x$, and what does the engine
# answer? Is it between them?
#
# <details><summary>Answer</summary>
#
# To the left, $y$ is the larger, and the slope by $x$ is 0; to the right it is 1. The engine shares the
# derivative equally and answers $\tfrac12$, which lies between.
#
# </details>

# %%
# The answers, checked.
coarse, finer = (abs(difference(tanh, 0.7, h) / tanh_slope(0.7) - 1) for h in (1e-2, 1e-3))
assert isclose(coarse / finer, 100, rel_tol=0.01)

small = [
    check_gradients(lambda x: 1e-6 * engine.sin(x), x=1.0, claimed=[c * 5.403023058681398e-07])
    for c in (1, 2, -1, 0)
]
assert [report.ok for report in small] == [True, False, False, False]

tie = check_gradients(engine.max, [2.0, 2.0])
assert [(c.left, c.right, c.engine) for c in tie.comparisons] == [(0, 1, 0.5), (0, 1, 0.5)]

# %% [markdown]
# ## Recap
#
# - A difference in floats loses digits by cancellation. No step is good everywhere, and an absolute
#   tolerance hides the loss.
# - A difference with enough digits has no such choice to make. It proves a gradient, and the quotient of
#   claim and truth names the mistake.
# - At a kink there are two slopes. Any number between them is a convention, and conventions do not add up.
