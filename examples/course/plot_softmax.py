r"""
Softmax: log-sum-exp, overflow, and the sigmoid as its special case
===================================================================

Scores :math:`a_1, \dots, a_C` become probabilities :math:`p_c = e^{a_c} / \sum_k e^{a_k}`, and the loss of the label y
is :math:`-\log p_y = \log \sum_k e^{a_k} - a_y`. The first term is close to the largest score, so that the loss is
about :math:`\max_k a_k - a_y`: zero if the label has the largest score by far. This page measures how close, computes
it where the exponentials overflow, and shows that the sigmoid is the softmax of two classes.
"""

# %%
# Log-sum-exp is a soft maximum
# -----------------------------
# :math:`\max_k a_k \le \log \sum_k e^{a_k} \le \max_k a_k + \log C`. The upper bound is reached when all scores are
# equal, the lower one is approached when one leads: with a lead of m over C - 1 others the excess is :math:`\log (1 +
# (C - 1) e^{-m})`.

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import logsumexp
from sklearn.datasets import load_digits

from skdl import SoftmaxClassifier
from skdl.autodiff import hessian, jacobian
from skdl.losses import BinaryCrossEntropy, CrossEntropy

figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
lead = np.linspace(0, 10, 101)
for C, style in ((2, "-"), (10, "--"), (1000, "-.")):
    scores = np.zeros((len(lead), C))
    scores[:, 0] = lead
    excess = logsumexp(scores, axis=1) - scores.max(axis=1)
    axes[0].plot(lead, excess, style, label=f"C = {C}")
    assert np.allclose(excess, np.log1p((C - 1) * np.exp(-lead)))
    assert np.isclose(excess[0], np.log(C))
axes[0].set(xlabel="lead of the largest score", ylabel="log-sum-exp - maximum", title="Near the maximum")
axes[0].legend()

a = np.linspace(-4, 4, 201)
soft = np.logaddexp(a, 0)
axes[1].plot(a, np.maximum(a, 0), "--", label="max(a, 0)")
axes[1].plot(a, soft, label="log(exp(a) + exp(0)), the softplus")
axes[1].set(xlabel="a", title="Two scores: a and 0")
axes[1].legend()
plt.show()

# %%
# Its gradient is the softmax
# ---------------------------
# :math:`\nabla \log \sum_k e^{a_k} = p`, and the Hessian is :math:`\operatorname{diag}(p) - p p^\top`. So the loss has
# the gradient :math:`p - e_y`: what is predicted minus what is.


def log_sum_exp(a):
    return np.log(np.exp(a).sum())


scores = np.array([2.0, -1.0, 0.5])
p = np.exp(scores) / np.exp(scores).sum()
print(f"scores {scores}, softmax {p.round(3)}, gradient of log-sum-exp {jacobian(log_sum_exp, scores).round(3)}")
assert np.allclose(jacobian(log_sum_exp, scores), p)
assert np.allclose(hessian(log_sum_exp, scores), np.diag(p) - np.outer(p, p))
one_hot = np.array([0.0, 1.0, 0.0])
assert np.allclose(jacobian(lambda a: log_sum_exp(a) - a[1], scores), p - one_hot)

# skdl's loss gives value and gradient at once: of (members, rows, classes), for the weight of each row.
value, gradient = CrossEntropy().value_and_gradient(scores[None, None].copy(), one_hot[None, None], np.ones((1, 1, 1)))
print(f"cross entropy {value[0]:.6f} = log-sum-exp - a_y = {logsumexp(scores) - scores[1]:.6f} = {-np.log(p[1]):.6f}")
assert np.isclose(value[0], logsumexp(scores) - scores[1])
assert np.allclose(gradient[0, 0], p - one_hot)

# %%
# Without overflow
# ----------------
# :math:`e^{710}` is beyond the largest float, and a naive softmax of such scores is infinity over infinity. Adding a
# constant to all scores does not change the softmax, so that the largest may be subtracted first: then no exponential
# is above 1, and the sum at least 1.

large = np.array([1000.0, 999.0, -1000.0])
with np.errstate(over="ignore", invalid="ignore"):
    naive = np.exp(large) / np.exp(large).sum()
shifted = np.exp(large - large.max()) / np.exp(large - large.max()).sum()
print(f"naive {naive}, shifted {shifted.round(4)}, skdl {CrossEntropy().link(large).round(4)}")
assert np.isnan(naive[:2]).all()
assert np.array_equal(CrossEntropy().link(large), shifted)
assert np.isclose(shifted[0], 1 / (1 + np.exp(-1)))

# The loss must not take the logarithm of a probability that has become zero: log-sum-exp minus the score keeps it.
value, _ = CrossEntropy().value_and_gradient(large[None, None].copy(), np.eye(3)[2][None, None], np.ones((1, 1, 1)))
with np.errstate(divide="ignore"):
    print(f"loss of the third class: -log p = {-np.log(shifted[2])}, log-sum-exp - a_y = {value[0]:.4f}")
assert np.isclose(value[0], 2000 + np.log1p(np.exp(-1)))

# %%
# The sigmoid is the softmax of two classes
# -----------------------------------------
# Only differences of scores count: with two classes :math:`p_2 = 1 / (1 + e^{-(a_2 - a_1)})`. A network for two classes
# therefore has one output, the difference.

pair = np.random.default_rng(0).normal(0, 3, (100, 2))
sigmoid = 1 / (1 + np.exp(-(pair[:, 1] - pair[:, 0])))
assert np.allclose(CrossEntropy().link(pair)[:, 1], sigmoid)
assert np.allclose(BinaryCrossEntropy().link((pair[:, 1] - pair[:, 0])[:, None])[:, 0], sigmoid)

digits, label = load_digits(return_X_y=True)
two = label < 2
binary = SoftmaxClassifier().fit(digits[two], label[two])
difference = binary.decision_function(digits[two])
print(f"two digits: {binary.coef_.shape} coefficients, one score a row: {difference.shape}")
assert np.allclose(binary.predict_proba(digits[two])[:, 1], 1 / (1 + np.exp(-difference)))

# %%
# On digits
# ---------
# With all ten classes the mean loss of a fitted classifier is log-sum-exp of its scores minus the score of the label,
# and that is about the largest score minus that of the label: on rows that are classified with a clear lead both
# vanish.

classifier = SoftmaxClassifier().fit(digits, label)
scores = classifier.decision_function(digits)
of_label = scores[np.arange(len(label)), label]
loss = logsumexp(scores, axis=1) - of_label
hinge = scores.max(axis=1) - of_label
print(f"mean loss {loss.mean():.4f}, by log_likelihood {-classifier.log_likelihood(digits, label) / len(label):.4f}")
print(f"mean of the largest score minus that of the label {hinge.mean():.4f}")
assert np.isclose(loss.mean(), -classifier.log_likelihood(digits, label) / len(label), rtol=1e-4)
assert np.allclose(np.exp(-loss), classifier.predict_proba(digits)[np.arange(len(label)), label], rtol=1e-3)
assert (loss >= hinge).all()
assert (loss <= hinge + np.log(10)).all()

figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
ax.plot(hinge, loss, ".", alpha=0.4, label="digits")
ends = np.array([0, hinge.max()])
ax.plot(ends, ends, "--", label="loss = largest score - score of the label")
ax.set(xlabel="largest score - score of the label", ylabel="cross entropy")
ax.legend()
plt.show()
