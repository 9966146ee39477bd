# %% [markdown]
# # 7. Second derivatives
#
# **The question.** The gradient says which way is down. How far should the step go?
#
# **Aim.** You read the answer off the second derivative: in one dimension, in two, and for a network whose
# second derivatives nobody could write down. On the way you meet a saddle, and a function that has no
# second derivative.
#
# You need notebooks 3 and 5, and what an eigenvalue is. Allow 20 minutes.

# %%
import matplotlib.pyplot as plt
import numpy as np

import engine
from engine import Value, check_gradients, grad, hessian

# %% [markdown]
# ## A derivative is a graph, too
#
# `grad` returns a derivative as a `Value` that remembers how it was made. Here is that of $w^3$ at 2. You
# can read $3 w^2$ off its graph, and the arrows that leave $w$ are the way to the second derivative.

# %%
w = Value(2.0, "w")
(slope,) = grad(w**3, [w])
slope

# %% [markdown]
# So differentiate again. The landscape is that of notebook 5, *Training*, with its two valleys:
#
# $$E(w) = (w^2 - 1)^2 + 0.3\, w$$
#
# **Predict** $E'(2)$ and $E''(2)$.


# %%
def landscape(w):
    return (w**2 - 1) ** 2 + 0.3 * w


def three(w):
    """The value, the slope and the curvature."""
    w = Value(w, "w")
    E = landscape(w)
    (slope,) = grad(E, [w])
    (curvature,) = grad(slope, [w])
    return E.data, slope.data, curvature.data


print("E = {:.1f}   E' = {:.1f}   E'' = {:.1f}".format(*three(2.0)))

# %% [markdown]
# The curvature says how fast the slope changes: with each unit to the left, the slope of 24.3 loses about
# 44. So it should be 0 after about $24.3 / 44$ units. That is **Newton's step**:
#
# $$w \leftarrow w - \frac{E'(w)}{E''(w)}$$
#
# In a picture: lay a parabola with the same height, slope and curvature along the curve, and jump to its
# lowest point.

# %% tags=["hide-input"]
line = np.linspace(-1.7, 2.3, 200)


def parabola(axes, start):
    E, slope, curvature = three(start)
    end = start - slope / curvature
    axes.plot(line, [landscape(w) for w in line], color="gray")
    axes.plot(line, E + slope * (line - start) + curvature / 2 * (line - start) ** 2, "--", color="tab:blue")
    axes.plot(start, E, "o", color="tab:blue", label=f"start at {start:g}")
    axes.plot(end, landscape(end), "D", color="tab:orange", label=f"step to {end:.2f}")
    axes.set(xlabel="w", ylabel="E", ylim=(-2, 11))
    axes.legend(loc="upper center")


figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
parabola(left, 2.0)
left.set_title("the curve bends upwards")
parabola(right, 0.3)
right.set_title("the curve bends downwards")
plt.show()

# %% [markdown]
# On the left the parabola opens upwards, and its lowest point is a good guess. On the right, at 0.3, the
# curve bends downwards. The parabola has no lowest point: Newton's step runs to its **highest**, up the
# hill.
#
# Write the step, and let it run from both starts. **Predict** where each of them ends.


# %% tags=["solution"]
def newton(w):
    _, slope, curvature = three(w)
    return w - slope / curvature


# %%
def walk(step, w, count):
    path = [w]
    for _ in range(count):
        path.append(step(path[-1]))
    return path


for start in (2.0, 0.3):
    print("\n".join(f"{w:.15f}" for w in walk(newton, start, 7)), "\n")

# %% [markdown] tags=["answer"]
# Look at the digits from 2: once the guess is near, each step **doubles** the number of right digits.
# Gradient descent adds a few at a time. From 0.3 it is just as fast, and wrong: at 0.0754 the slope is 0,
# but it is the top of the hill. Newton looks for a place where $E' = 0$. It does not ask which kind of
# place.

# %% [markdown]
# **Mend it.** The slope knows which way is down, and the *size* of the curvature how far to go. Use both.


# %% tags=["solution"]
def careful(w):
    _, slope, curvature = three(w)
    return w - slope / abs(curvature)


# %%
valley = walk(careful, 0.3, 16)[-1]
print(f"from 0.3 the mended step ends at {valley:.4f}, with the curvature {three(valley)[2]:.2f}")

# %% [markdown]
# ## Two weights
#
# With two weights there are four second derivatives. They form the **Hessian** $H$, and Newton's step
# becomes $w \leftarrow w - H^{-1} \nabla E$. Here is a long, narrow valley:
#
# $$E(u, v) = \tfrac12 u^2 + 8 v^2 + \tfrac14 (u + v)^4$$
#
# **Predict** which way gradient descent walks from $(-1.6, 0.7)$: to the valley's end, or to its floor?


# %%
def canyon(u, v):
    return 0.5 * u**2 + 8 * v**2 + 0.25 * (u + v) ** 4


def slope_and_hessian(f, at):
    w = [Value(at[0], "u"), Value(at[1], "v")]
    E = f(*w)
    H = [[entry.data for entry in row] for row in hessian(E, w)]
    return np.array([d.data for d in grad(E, w)]), np.array(H)


# %% tags=["solution"]
def downhill(w):
    return w - 0.1 * slope_and_hessian(canyon, w)[0]


def newton_2(w):
    slope, H = slope_and_hessian(canyon, w)
    return w - np.linalg.solve(H, slope)


# %%
start = np.array([-1.6, 0.7])
plain, straight = np.array(walk(downhill, start, 30)), np.array(walk(newton_2, start, 6))

# %% tags=["hide-input"]
figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
u, v = np.meshgrid(np.linspace(-1.9, 0.9, 120), np.linspace(-0.85, 0.85, 120))
axes.contour(u, v, canyon(u, v), levels=np.logspace(-2, 1, 14), cmap="Greys_r", linewidths=0.8)
axes.plot(*plain.T, "o-", color="tab:blue", markersize=3, label="30 steps of gradient descent")
axes.plot(*straight.T, "D-", color="tab:orange", markersize=5, label="6 steps of Newton")
axes.set(xlabel="u", ylabel="v")
axes.legend(loc="lower right")
plt.show()

slope, H = slope_and_hessian(canyon, (0.0, 0.0))
print("curvatures at the bottom:", np.linalg.eigvalsh(H))

# %% [markdown] tags=["answer"]
# To its floor: gradient descent bounces between the walls, and then creeps along the floor. One learning rate
# must serve both directions, and their curvatures are 1 and 16. Newton's step divides each direction by its
# own.

# %% [markdown]
# ## A saddle
#
# Here is the smallest network with two layers: one input, one hidden neuron, one output, no bias and no
# activation. It should learn to pass 1 on as 1.
#
# $$E(u, v) = (u v - 1)^2$$
#
# **Predict**: what is the gradient at $u = v = 0$? Is it a minimum?


# %%
def two_layers(u, v):
    return (u * v - 1) ** 2


slope, H = slope_and_hessian(two_layers, (0.0, 0.0))
curvatures, directions = np.linalg.eigh(H)
print("slope", slope + 0.0, "\nHessian\n", H, "\ncurvatures", curvatures)

# %% tags=["hide-input"]
path = np.array(walk(lambda w: w - 0.05 * slope_and_hessian(two_layers, w)[0], np.array([-0.9, 0.92]), 120))
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
u, v = np.meshgrid(np.linspace(-2, 2, 120), np.linspace(-2, 2, 120))
left.contour(u, v, two_layers(u, v), levels=np.linspace(0.02, 6, 22), cmap="viridis", linewidths=0.8)
for curvature, direction, colour in zip(curvatures, directions.T, ("tab:red", "tab:blue"), strict=True):
    left.plot(
        *np.outer(direction, [-0.8, 0.8]), color=colour, linewidth=3, label=f"curvature {curvature:+.0f}"
    )
left.plot(*path.T, ".-", color="black", markersize=4, linewidth=0.8)
left.set(xlabel="u", ylabel="v", aspect="equal")
left.legend(loc="lower left")
right.plot([two_layers(*w) for w in path], color="black")
right.set(xlabel="step", ylabel="E", title="a plateau on the way")
plt.show()

# %% [markdown] tags=["answer"]
# The slope is 0, and it is no minimum: along one direction the surface bends upwards, along the other
# downwards. That is a **saddle**. Descent comes in along the blue line, hardly moves for a while, and
# leaves along the red one. Many a plateau in a curve of training is such a place, and a network whose
# weights are all 0 sits on one for ever.

# %% [markdown]
# ## A network: never write the Hessian down
#
# A network with a million weights has a Hessian of $10^{12}$ numbers. But $H$ *times a vector* is only
# one more derivative, of the number $\nabla E \cdot v$:
#
# $$H v = \nabla\, (\nabla E \cdot v) \qquad v \text{ held constant}$$
#
# A compiled program does that for you: `hvp`. Here is a linear model of eight weights on 200 random
# examples.

# %%
rng = np.random.default_rng(0)
w = [Value(0.0, f"w_{j}") for j in range(1, 9)]
x, y = [Value(1.0, f"x_{j}") for j in range(1, 9)], Value(1.0, "y")
program = engine.compile((engine.sumprod(w, x) - y) ** 2, inputs=[*x, y], parameters=w)

X = rng.normal(size=(200, 8)) * np.linspace(0.3, 2, 8)
data = np.column_stack([X, X @ rng.normal(size=8)])
print(program.hvp(data, np.eye(8)[0]))

# %% [markdown]
# That is the first column of $H$. Now use it. Multiply a vector by $H$ again and again, and it turns into
# the direction with the **largest curvature** $\lambda$ (the power method). Gradient descent is stable as
# long as the learning rate is below $2 / \lambda$. **Predict** the two curves: one rate is 5 percent
# below that limit, the other 5 percent above.

# %% tags=["solution"]
v = np.ones(8)
for _ in range(100):
    v = program.hvp(data, v)
    v = v / np.linalg.norm(v)
largest = v @ program.hvp(data, v)


# %%
def descend(rate, steps=60):
    weights = np.zeros(8)
    for _ in range(steps):
        loss, gradient = program.value_and_grad(data, weights)
        yield loss
        weights = weights - rate * gradient


below, above = list(descend(0.95 * 2 / largest)), list(descend(1.05 * 2 / largest))

# %% tags=["hide-input"]
figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
axes.semilogy(below, label="5 percent below $2 / \\lambda$")
axes.semilogy(above, "--", label="5 percent above")
axes.set(xlabel="step", ylabel="loss")
axes.legend()
plt.show()
print(f"largest curvature {largest:.2f}: learning rates up to {2 / largest:.3f}")

# %% [markdown]
# So there is the answer to the question of the beginning. The curvature says how far.
#
# ## Where there is none
#
# $f(x) = x\,|x|$ is smooth to the eye. Its derivative is $2\,|x|$. **Predict** its second derivative at 0.

# %%
once = check_gradients(lambda x: x * engine.abs(x), x=0.0)
twice = check_gradients(lambda x: x * engine.abs(x), x=0.0, order=2)
print(once.headline, twice.headline, sep="\n")

# %% tags=["hide-input"]
line = np.linspace(-1, 1, 201)
figure, places = plt.subplots(1, 3, figsize=(8, 2.4), layout="constrained")
for place, title, curve in zip(
    places, ("$x|x|$", "first: $2|x|$", "second"), (line * abs(line), 2 * abs(line), None), strict=True
):
    if curve is None:
        place.plot([-1, 0], [-2, -2], [0, 1], [2, 2], color="tab:blue")
        place.plot([0, 0], [-2, 2], "o", color="tab:blue", markerfacecolor="white")
    else:
        place.plot(line, curve, color="tab:blue")
    place.set_title(title)
    place.grid(alpha=0.3)
plt.show()

# %% [markdown] tags=["answer"]
# The first derivative is proved. The second has two sides, $-2$ and $2$, and no value at 0. The engine
# answers 0, by the convention for $|x|$.

# %% [markdown]
# The output of a `relu` network is straight in each of its weights, with kinks between the pieces: the second
# derivative by one weight is 0, or there is none. That is why methods that need curvature prefer smooth
# activations.
#
# ## Exercises
#
# **1.** Newton's step for $f(w) = \tfrac13 w^3 - 2 w$: write it down. Which old recipe for $\sqrt 2$ is it?

# %% [markdown] tags=["answer"]
# <details><summary>Answer</summary>
#
# $w - \frac{w^2 - 2}{2 w} = \tfrac12 \bigl(w + \tfrac2w\bigr)$: take the mean of $w$ and $2 / w$. The
# Babylonians did it so.
#
# </details>

# %% tags=["answer"]
print(walk(lambda w: (w + 2 / w) / 2, 1.0, 5))

# %% [markdown]
# **2.** Why is the Hessian symmetric? Check it for $x^2 y + e^{x y}$ at any point.

# %% [markdown] tags=["answer"]
# <details><summary>Answer</summary>
#
# $\partial^2 f / \partial x \partial y$ does not depend on the order, if these derivatives are continuous.
#
# </details>

# %% tags=["answer"]
x, y = Value(0.3), Value(-0.7)
mixed = hessian(x * x * y + engine.exp(x * y), [x, y])
print(mixed[0][1].data, mixed[1][0].data)

# %% [markdown]
# **3.** The gradient of $\log \sum_k e^{z_k}$ is the softmax $o$. So what is its Hessian? You have met it
# in notebook 3. Why is this function convex?

# %% [markdown] tags=["answer"]
# <details><summary>Answer</summary>
#
# $\partial o_k / \partial z_i = o_k ([k = i] - o_i)$, the matrix with the coloured squares. For any $v$, $v^T
# H v = \sum_k o_k v_k^2 - (\sum_k o_k v_k)^2$, which is the variance of $v$ under the probabilities $o$.
# It is never negative: no direction bends downwards. So the cross-entropy of one layer has no false
# valleys.
#
# </details>

# %% tags=["answer"]
z = [Value(2.0), Value(1.0), Value(-0.5)]
H = np.array([[entry.data for entry in row] for row in hessian(engine.logsumexp(z), z)])
print(np.linalg.eigvalsh(H).round(4) + 0.0)

# %% tags=["test"]
# Every number that the text states, checked.
from math import isclose, sqrt

assert np.allclose(three(2.0)[1:], (24.3, 44.0), rtol=1e-12)
assert f"{walk(newton, 0.3, 7)[-1]:.4f}" == "0.0754"
assert three(walk(newton, 0.3, 7)[-1])[2] < 0 < three(valley)[2]
assert np.allclose(slope_and_hessian(canyon, (0.0, 0.0))[1], np.diag([1.0, 16.0]))
assert canyon(*straight[-1]) < 1e-9 < canyon(*plain[-1])
assert list(curvatures) == [-2, 2]
assert two_layers(*path[-1]) < 1e-3
assert np.allclose(np.linalg.eigvalsh(2 * X.T @ X / 200).max(), largest)
assert np.allclose(program.hvp(data, np.eye(8)[0]), (2 * X.T @ X / 200)[0])
assert below[-1] < below[0] < above[-1]
assert once.ok
assert "differ: -2 and 2" in twice.headline
assert isclose(walk(lambda w: (w + 2 / w) / 2, 1.0, 5)[-1], sqrt(2))
assert isclose(mixed[0][1].data, mixed[1][0].data)
o = [value.data for value in engine.softmax(z)]
assert np.allclose(H, np.diag(o) - np.outer(o, o))

# %% [markdown]
# ## Recap
#
# - The slope says which way, the curvature how far. Newton's step divides one by the other, and doubles the
#   right digits near a minimum. Where the curve bends downwards it runs the wrong way.
# - At a saddle the slope is 0, and the Hessian has curvatures of both signs.
# - $H v$ costs little more than a gradient, so the curvature of a large network can be had without its
#   Hessian. At a kink of the slope there is none.
