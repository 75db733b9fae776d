"""Likelihoods of coin flips, categories and Gaussians: the probability of the data as a function of the parameters.

L(theta) = prod_i p(x_i; theta),  theta_ML = arg max L,  standard errors from the curvature of log L at theta_ML

The losses of classifiers and regressors are the same thing for parameters that depend on x: cross entropy is -log L / n
of `Categorical`, squared error that of `Gaussian` with one variance for all rows.
"""

from skdl.likelihood._curve import LikelihoodCurve
from skdl.likelihood._distributions import Bernoulli, Categorical, Gaussian
from skdl.likelihood._model import LikelihoodModel

__all__ = ["Bernoulli", "Categorical", "Gaussian", "LikelihoodCurve", "LikelihoodModel"]
