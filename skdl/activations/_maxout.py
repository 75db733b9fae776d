"""Maxout: a unit takes the largest of several affine functions, and so learns where it bends."""

from __future__ import annotations

from skdl._array import Array, namespace
from skdl._constraints import Integer
from skdl._protocols import NO_GRADIENTS, Activation, Backprop, Gradients
from skdl._registry import register


@register("maxout")
class Maxout(Activation):
    """The largest of several affine functions of the inputs.

    h_j = max_p z_jp,  z_jp = x . W_jp + b_jp,  dh_j/dz_jp = 1 for the largest piece (the first of equals), else 0

    The affine map below has `n_pieces` times as many columns as the layer has units: of n units, those of the first
    pieces come first, then those of the second ones. A normalization comes before the maximum, and normalizes pieces.
    With one of two pieces at zero the unit is a ReLU, with opposite ones it is |z|; it never saturates nor dies. Each
    piece has initial weights as if it were the layer by itself, by default of variance 1 / n_in: the larger of two
    normal numbers has the mean square of each.

    Parameters
    ----------
    n_pieces : int, default=2
        Affine functions a unit, at least 2. `coefs_` of the layer have the shape (n_in, n_pieces * n_units).

    Shape
    -----
    (k, B, n_pieces * n) -> (k, B, n)

    References
    ----------
    I. J. Goodfellow, D. Warde-Farley, M. Mirza, A. Courville, Y. Bengio, "Maxout networks", ICML 2013.

    Examples
    --------
    >>> from skdl import MLPClassifier
    >>> from skdl.activations import Maxout
    >>> Maxout(n_pieces=2)([1.0, -3.0, 0.0, -2.0])  # of two units
    array([ 1., -2.])
    >>> MLPClassifier((64,), activation="maxout").set_params(activation__n_pieces=3)
    MLPClassifier(activation=Maxout(n_pieces=3), hidden_layer_sizes=(64,))
    """

    initializer = "xavier"
    constraints = {"n_pieces": Integer(2)}

    def __init__(self, n_pieces: int = 2):
        self.n_pieces = n_pieces

    def forward(self, x: Array) -> tuple[Array, Backprop]:
        xp, n = namespace(x), x.shape[-1] // self.n_pieces
        pieces = [slice(start, start + n) for start in range(0, x.shape[-1], n)]
        y = xp.maximum(x[..., pieces[0]], x[..., pieces[1]])
        for piece in pieces[2:]:
            xp.maximum(y, x[..., piece], out=y)

        def backprop(dy: Array) -> tuple[Array, Gradients]:
            dx = xp.empty_like(x)
            for piece in pieces[:-1]:
                xp.multiply(dy, x[..., piece] == y, out=dx[..., piece])
                dy -= dx[..., piece]  # what is given to a piece is not given to the next that is as large
            dx[..., pieces[-1]] = dy
            return dx, NO_GRADIENTS

        return y, backprop
