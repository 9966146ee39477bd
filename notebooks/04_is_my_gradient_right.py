# %% [markdown]
# # 4. Is my gradient right?
#
# **The question.** Two programs train the same small model. In one of them the gradient is wrong. Can you
# see it in the loss?
#
# **Aim.** You learn why the usual test of a gradient, a small step and a small tolerance, accepts wrong
# numbers. Then you use a test that has neither, and that says what went wrong.
#
# You need notebook 3, *The delta rule*. Allow 25 minutes.

# %%
from math import exp, tanh

import matplotlib.pyplot as plt
import numpy as np

import engine
from engine import Value, check_gradients, check_vjp, relu, sigmoid
from engine.mistakes import CATALOGUE

# %% [markdown]
# ## It trains. So it is right?
#
# The model is $w_2\, \sigma(w_1 x + b)$, with $x = 2$ and the target 1. Two people derived its gradient.


# %%
def squared_error(w_1, w_2, b):
    return (w_2 * sigmoid(w_1 * 2.0 + b) - 1.0) ** 2


def anna(w_1, w_2, b):
    a = 1 / (1 + exp(-(w_1 * 2.0 + b)))
    error = 2 * (w_2 * a - 1.0)
    return {"w_1": error * w_2 * 2.0, "w_2": error * a, "b": error * w_2}


# %% tags=["hide-input"]
def bert(w_1, w_2, b):
    a = 1 / (1 + exp(-(w_1 * 2.0 + b)))
    delta = 2 * (w_2 * a - 1.0) * w_2 * a * (1 - a)
    return {"w_1": delta * 2.0, "w_2": 2 * (w_2 * a - 1.0) * a, "b": delta}


def losses(gradient, steps=25):
    at = {"w_1": 0.3, "w_2": 0.4, "b": 0.1}
    for _ in range(steps):
        yield squared_error(*(Value(v) for v in at.values())).data
        at = {name: v - 0.1 * gradient(**at)[name] for name, v in at.items()}


curves = {name: list(losses(gradient)) for name, gradient in (("Anna", anna), ("Bert", bert))}
figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
for (name, curve), style in zip(curves.items(), ("-", "--"), strict=True):
    axes.plot(curve, style, label=f"with {name}'s gradient")
axes.set_xlabel("step")
axes.set_ylabel("loss")
axes.legend()
plt.show()

# %% [markdown]
# **Predict** from the curves alone: whose gradient is wrong? Write the name down.
#
# A loss that goes down proves nothing: any direction that points roughly downhill makes it go down. So the
# gradient must be tested itself.
#
# ## The usual test
#
# A derivative is a limit, so take a small $h$ and stop there:
#
# $$f'(x) \approx \frac{f(x + h) - f(x - h)}{2h}$$
#
# By Taylor's formula this is off by about $\tfrac{h^2}{6} f'''(x)$. So a smaller $h$ should always be
# better. **Predict** for $f = \tanh$ and $h = 10^{-6}$: how many digits are right at 0.7? And how many at
# 15, where the neuron is saturated?


# %% tags=["solution"]
def difference(f, x, h=1e-6):
    return (f(x + h) - f(x - h)) / (2 * h)


# %%
def tanh_slope(x):
    """1 - tanh², written so that nothing cancels."""
    return 4 * exp(-2 * x) / (1 + exp(-2 * x)) ** 2


for x in (0.7, 15.0):
    print(f"at {x:4}   difference {difference(tanh, x):.16g}   exact {tanh_slope(x):.16g}")

# %% [markdown] tags=["answer"]
# Ten digits at 0.7. Not one at 15: the difference is 0. A float holds about 16 digits. Near 15 all of them
# go into writing $\tanh(x) = 0.9999999999998$, and a step of $10^{-6}$ does not reach the last one. The two
# values **cancel**, and nothing is left.

# %% [markdown]
# ## There is no good step
#
# Perhaps another $h$ would do? Two errors add up:
#
# - the formula's own, $\tfrac{h^2}{6} f'''$, which *shrinks* with $h$,
# - the rounding of $f$, about $10^{-16} f / h$, which *grows* as $h$ shrinks.
#
# **Predict** the shape of the sum, on logarithmic axes.

# %%
steps = np.logspace(-16, -1, 121)


def errors(f, x, slope):
    return [max(abs(difference(f, x, h) / slope - 1), 1e-17) for h in steps]


wave, flat = errors(tanh, 0.7, tanh_slope(0.7)), errors(tanh, 15.0, tanh_slope(15.0))

# %% tags=["hide-input"]
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
axes.loglog(steps, wave, color="tab:blue", label="tanh at 0.7")
axes.loglog(steps, flat, "--", color="tab:orange", label="tanh at 15")
slope, third = tanh_slope(0.7), 2 * tanh_slope(0.7) * (3 * tanh(0.7) ** 2 - 1)
axes.loglog(steps, steps**2 / 6 * third / slope, ":", color="black", linewidth=1)
axes.loglog(steps, 1.1e-16 * tanh(0.7) / slope / steps, ":", color="black", linewidth=1)
axes.text(2e-3, 3e-10, "$h^2 f'''/6$")
axes.text(1e-10, 4e-9, "rounding$/h$", ha="right")
axes.axvline(1e-6, color="gray", linewidth=0.8)
axes.text(1.2e-6, 1e-16, "$h = 10^{-6}$", color="gray")
axes.set_ylim(1e-17, 1e1)
axes.set_xlabel("step h")
axes.set_ylabel("relative error")
axes.legend(loc="lower left")
plt.show()
print(f"best step for tanh at 0.7: error {min(wave):.0e}.  At 15: error {min(flat):.0e}")

# %% [markdown] tags=["answer"]
# A U. The dotted lines are the two errors. At 15 the whole U lies higher: no step gives even four right
# digits, and from $10^{-4}$ to the left everything is lost. The best step is another one for each
# function and each place, and you do not know it.

# %% [markdown]
# ## A tolerance makes it worse
#
# What does the usual test do with an error of 1? It asks whether the two numbers differ by less than an
# absolute tolerance, often $10^{-5}$. **Predict** which of these it accepts, at 15, where the true slope is
# $3.7 \cdot 10^{-13}$.

# %%
true = tanh_slope(15.0)
for name, claim in (
    ("the right slope", true),
    ("the wrong sign", -true),
    ("a million times too large", 1e6 * true),
):
    passed = abs(difference(tanh, 15.0) - claim) < 1e-5
    print(f"{name:26} {claim:9.1e}   {'passed' if passed else 'refused'}")

# %% [markdown] tags=["answer"]
# All three. Its tolerance was made for larger gradients.

# %% [markdown]
# ## A test without a step
#
# `check_gradients` runs the function on *balls*: numbers with many digits and with a bound of their own
# error. They move along a direction and carry the derivative with them. So there is no step, and rounding
# is never taken for a slope. There is no tolerance to choose either: a float should agree to the last
# places of a float.

# %%
report = check_gradients(engine.tanh, x=15.0, claimed=[-true])
report

# %% [markdown]
# And Anna's gradient? Hand the function in, and the gradient beside it.

# %%
verdict_on_anna = check_gradients(squared_error, w_1=0.3, w_2=0.4, b=0.1, claimed=anna)
verdict_on_anna

# %% [markdown] tags=["answer"]
# Anna's is wrong, though it trains faster. (It is too large, like a larger learning rate.)

# %% [markdown]
# The check also says why: it puts known mistakes into the computation and sees which of them gives these
# numbers. **Mend** the gradient:


# %% tags=["solution"]
def mended(w_1, w_2, b):
    a = 1 / (1 + exp(-(w_1 * 2.0 + b)))
    error = 2 * (w_2 * a - 1.0)
    delta = error * w_2 * a * (1 - a)
    return {"w_1": delta * 2.0, "w_2": error * a, "b": delta}


# %%
check_gradients(squared_error, w_1=0.3, w_2=0.4, b=0.1, claimed=mended).headline

# %% [markdown]
# ## What a printed number claims
#
# Somebody writes that $\tanh'(0.5)$ is 0.786. That is not exact, and nobody means it to be: it claims three
# decimals. So write a claim as **text**, and it is held to its last decimal. A fraction such as `"1/3"` is
# meant exactly, and a float is held to nearly all of its digits. The truth is 0.786448. **Predict** the
# five verdicts.

# %%
for claim in ("0.786", "0.787", "0.7864", "0.7865", 0.786):
    found = check_gradients(engine.tanh, x=0.5, claimed=[claim])
    print(f"{claim!r:9} {'right' if found.ok else 'WRONG':6} {found.headline if not found.ok else ''}")

# %% [markdown]
# ## Which mistake was it?
#
# A quiz. $E = (a - 1)^2$ with $a = \sigma(2 w + b)$, at $w = 0.3$ and $b = 0.1$, so that $z = 0.7$ and $a =
# 0.668$. The true $dE/dw = 2 (a - 1) \cdot a (1 - a) \cdot 2$ is $-0.29427$. Five students handed in the
# numbers below. **Predict** what each of them did, with a pocket calculator.

# %%
handed_in = ["0.29427", "-0.14713", "-0.06524", "-0.04414", "-0.73467"]

# %% tags=["answer"]
for number in handed_in:
    found = check_gradients(lambda w, b: (sigmoid(2 * w + b) - 1) ** 2, w=0.3, b=0.1, claimed={"w": number})
    print(number, *found.comparisons[0].opinions["claimed"].mistakes, sep="\n    ")

# %% [markdown]
# Each of these is a row of one **catalogue**: how a mistake looks, why it is wrong, what to do instead.
# `grade` of notebook 3 uses the same one.

# %%
print(f"{len(CATALOGUE)} mistakes, such as\n")
for name in ("derivative-left-out", "path-left-out", "not-zeroed", "transposed-weights"):
    row = CATALOGUE[name]
    print(f"{row.name}\n    looks like  {row.looks_like}")
    print(f"    why         {row.why}\n    remedy      {row.remedy}\n")

# %% [markdown]
# ## Your own `backward`, on arrays
#
# Here is a layer in NumPy, and its backward pass, as you would write it for a framework. One letter is
# missing. **Find it** before you run the check. (With a matrix that is not square, NumPy would complain. A
# square one hides it.)


# %%
def layer(W, x, b):
    return np.tanh(W @ x + b)


def backward(W, x, b, cotangent):
    delta = cotangent * (1 - layer(W, x, b) ** 2)
    return np.outer(delta, x), W @ delta, delta


at = np.array([[0.3, -0.4], [0.1, 0.2]]), np.array([0.5, -1.0]), np.array([0.1, 0.7])
rule = check_vjp(layer, backward, at)
rule

# %% [markdown] tags=["answer"]
# All derivatives by $W$ and $b$ are right, and those by $x$ are wrong. The delta goes back through the
# transposed matrix: neuron $i$ collects $\sum_j w_{ji}\, \delta_j$, the delta rule.

# %% [markdown]
# **Mend it.**


# %% tags=["solution"]
def mended_backward(W, x, b, cotangent):
    delta = cotangent * (1 - layer(W, x, b) ** 2)
    return np.outer(delta, x), W.T @ delta, delta


# %%
check_vjp(layer, mended_backward, at).headline

# %% [markdown]
# ## Kinks
#
# Some functions have no derivative at a point. `relu` has the slope 0 to the left of 0 and 1 to the right.
# **Predict** the verdict on the engine's answer, 0: right, wrong, or neither?

# %%
kink = check_gradients(relu, x=0.0)
kink

# %% [markdown] tags=["answer"]
# Neither. The check takes the slope on each side, reports both, and accepts what lies between: it is a
# convention.

# %% [markdown]
# But conventions do not add up. $\mathrm{relu}(x) - \mathrm{relu}(-x)$ is just $x$, and its slope is 1
# everywhere. **Predict** the engine's answer at 0, where each half says 0.

# %%
line = check_gradients(lambda x: relu(x) - relu(-x), x=0.0)
line.headline

# %% [markdown]
# ## Exercises
#
# **1.** In the plot, the right arm of the U for $\tanh$ at 0.7 is a straight line. What is its slope, and
# which formula says so? And the left arm?

# %% [markdown] tags=["answer"]
# <details><summary>Answer</summary>
#
# On logarithmic axes its slope is 2: ten times the step, a hundred times the error. That is the $h^2$ of
# $\tfrac{h^2}{6} f'''(x)$. The left arm has the slope $-1$, from the $1/h$ of rounding.
#
# </details>

# %% [markdown]
# **2.** Somebody checks $f(x) = 10^{-6} \sin x$ at 1 with $h = 10^{-6}$ and an absolute tolerance of
# $10^{-5}$. Which of these gradients pass: the right one, its double, its negative, 0?

# %% [markdown] tags=["answer"]
# <details><summary>Answer</summary>
#
# All of them: every one of these numbers is smaller than the tolerance. Divide by the size of the gradient
# before you compare. Then only the right one passes.
#
# </details>

# %% [markdown]
# **3.** $\max(x, y)$ at $x = y = 2$. What are the slopes on both sides by $x$, and what does the engine
# answer? Is it between them?

# %% [markdown] tags=["answer"]
# <details><summary>Answer</summary>
#
# To the left, $y$ is the larger, and the slope by $x$ is 0; to the right it is 1. The engine shares the
# derivative equally and answers $\tfrac12$, which lies between.
#
# </details>

# %% tags=["answer"]
check_gradients(engine.max, [2.0, 2.0])

# %% tags=["test"]
# Every number that the text states, checked.
from math import isclose

assert curves["Anna"][-1] < curves["Bert"][-1] < curves["Bert"][0]
assert difference(tanh, 15.0) == 0
assert isclose(difference(tanh, 0.7), tanh_slope(0.7), rel_tol=1e-9)
assert f"{tanh(15.0):.13f} {true:.1e}" == "0.9999999999998 3.7e-13"
assert min(flat) > 1e-4
assert "the sign is flipped" in report.headline
assert "the derivative of sigmoid(0.7) is left out" in verdict_on_anna.headline
assert check_gradients(squared_error, w_1=0.3, w_2=0.4, b=0.1, claimed=mended).ok
assert f"{tanh_slope(0.5):.6f}" == "0.786448"
a = 1 / (1 + exp(-0.7))
assert f"{a:.3f} {4 * (a - 1) * a * (1 - a):.5f}" == "0.668 -0.29427"
assert set(rule.verdicts.values()) == {"right", "wrong"}
assert check_vjp(layer, mended_backward, at).ok
assert kink.ok
assert (kink.comparisons[0].left, kink.comparisons[0].right) == (0, 1)
assert (line.comparisons[0].truth, line.comparisons[0].engine) == (1, 0)
coarse, finer = (abs(difference(tanh, 0.7, h) / tanh_slope(0.7) - 1) for h in (1e-2, 1e-3))
assert isclose(coarse / finer, 100, rel_tol=0.01)
tie = check_gradients(engine.max, [2.0, 2.0])
assert [(c.left, c.right, c.engine) for c in tie.comparisons] == [(0, 1, 0.5), (0, 1, 0.5)]

# %% [markdown]
# ## Recap
#
# - A loss that goes down proves nothing about a gradient, and neither does a difference in floats: no
#   step is good everywhere, and a tolerance hides what is lost.
# - A test with enough digits has no such choice to make. It proves a gradient, and a wrong number is
#   explained by the mistake that gives it.
# - At a kink there are two slopes. Any number between them is a convention, and conventions do not add up.
