"""Rules of losses and penalties: what breaks one fails, with that rule in the message."""

import numpy as np
import pytest

from skdl import losses, penalties
from skdl.testing import check_component


class WrongLossGradient(losses.SquaredError):
    def value_and_gradient(self, scores, targets, weight):
        value, gradient = super().value_and_gradient(scores, targets, weight)
        return value, 2 * gradient


class ForgetsWeights(losses.SquaredError):
    def value_and_gradient(self, scores, targets, weight):
        return super().value_and_gradient(scores, targets, np.ones_like(weight))


class AveragesMembers(losses.SquaredError):
    def value_and_gradient(self, scores, targets, weight):
        value, gradient = super().value_and_gradient(scores, targets, weight)
        return np.full_like(value, value.mean()), gradient


class OneValue(losses.SquaredError):
    def value_and_gradient(self, scores, targets, weight):
        value, gradient = super().value_and_gradient(scores, targets, weight)
        return value.sum(), gradient


class NaiveCrossEntropy(losses.CrossEntropy):
    def value_and_gradient(self, scores, targets, weight):
        p = np.exp(scores)
        p /= p.sum(axis=-1, keepdims=True)
        rows = -(targets * np.log(p)).sum(axis=-1, keepdims=True)
        return (rows * weight).sum(axis=(1, 2)), (p - targets) * weight


class NoLink(losses.CrossEntropy):
    def link(self, scores):
        return scores


class NoInverse(losses.Poisson):
    def unlink(self, predictions):
        return predictions


class ChangesScores(losses.CrossEntropy):
    def link(self, scores):
        scores -= scores.max(axis=-1, keepdims=True)
        return super().link(scores)


class ChangesTargets(losses.SquaredError):
    def value_and_gradient(self, scores, targets, weight):
        result = super().value_and_gradient(scores, targets, weight)
        targets *= 0
        return result


class UnknownTask(losses.SquaredError):
    task = "ranking"


class WrongPenalty(penalties.L2):
    def gradient(self, weights):
        return 2 * weights


class SumsMembers(penalties.L2):
    def value(self, weights):
        return np.full(len(weights), super().value(weights).sum(), weights.dtype)


class ChangesWeights(penalties.L2):
    def gradient(self, weights):
        weights *= 1.5
        return weights / 1.5


class NegativePenalty(penalties.L2):
    def value(self, weights):
        return -super().value(weights)

    def gradient(self, weights):
        return -weights


class HiddenKink(penalties.L1):
    l1_weight = 0.0


class WrongDegree(penalties.L1):
    degree = 2


class ProjectsUnasked(penalties.MaxNorm):
    projects = False


class Shrinks(penalties.MaxNorm):
    def project(self, weight):
        weight *= 0.5


BROKEN = {
    WrongLossGradient: "gradient by the scores: relative error 1.0e\\+00|relative error 5.0e-01",
    ForgetsWeights: "weight 0 leaves the row out, 2 is the row twice|gradient is proportional",
    AveragesMembers: "member 0 of a stack equals it alone",
    OneValue: "one value a member",
    NaiveCrossEntropy: "loss: raised FloatingPointError",
    NoLink: "link gives probabilities",
    NoInverse: "unlink is the inverse of link",
    ChangesScores: "link leaves the scores as they are",
    ChangesTargets: "targets and weights stay as they are",
    UnknownTask: "task is known",
    WrongPenalty: "gradient: relative error",
    SumsMembers: "member 0 of a stack equals it alone",
    ChangesWeights: "the weights stay as they are",
    NegativePenalty: "a penalty is not negative",
    HiddenKink: "gradient is smooth_gradient \\+ l1_weight sign",
    WrongDegree: "the value of 2 w is 2\\^2 that of w, by degree",
    ProjectsUnasked: "project moves weights where projects is True",
    Shrinks: "project leaves allowed weights as they are",
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda cls: cls.__name__)
def test_a_broken_component_fails(broken):
    with pytest.raises(AssertionError, match=f"^{broken.__name__}: .*(?:{BROKEN[broken]})"):
        check_component(broken)
