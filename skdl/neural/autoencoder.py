"""The autoencoder."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from skdl import _registry
from skdl._constraints import NONE, Boolean, Integer, ListOf, Real
from skdl._docstrings import documented_by, without
from skdl._encoding import Reals
from skdl._protocols import Activation
from skdl._search_space import LogUniform
from skdl._typing import (
    ActivationLike,
    Activations,
    Blocks,
    CategoricalLike,
    Factors,
    InitializerLike,
    LossLike,
    Normalizations,
    NumberEncodingLike,
    OptimizerLike,
    PenaltyLike,
    RandomStateLike,
    ScheduleLike,
    VectorLike,
)
from skdl.layers.architecture import Architecture
from skdl.neural._autoencoder import BaseAutoencoder
from skdl.neural._docs import TEXTS
from skdl.neural._known_targets import KnownTargets
from skdl.neural._perceptron import COMMON, Perceptron
from skdl.neural._settings import Settings

SIZES = Integer(1) | ListOf(Integer(1))
OWN = ("hidden_layer_sizes", "activation", "encoding", "input_scale", "penalty")  # with texts of their own
WITHOUT = (
    *("depth", "category_encoding", "init", "frozen", "prior"),
    *("scoring", "calibrate", "augmentation", "image_shape"),
)
document = documented_by(
    {
        **TEXTS,
        "layers": without(TEXTS["hidden"], *OWN, *WITHOUT),
        "training": without(TEXTS["training"], *WITHOUT),
        "attributes": without(TEXTS["attributes"], "categories_", "is_categorical_"),
    }
)


@document
class Autoencoder(BaseAutoencoder):
    """A network that learns to give its inputs again through a code, which it so finds by itself.

    minimise  1/n sum_i w_i loss(g(h(x'_i)), x'_i) + alpha R(W')

    over encoders h and decoders g, with x' the standardised inputs, w_i the sample weights divided by their mean, half
    the mean squared error as loss, and R the penalty of the weights W'. `transform` gives the code h(x'), with fewer
    numbers than x has (undercomplete), or with few of them active (`penalty="activity_l1"`), or that stands noise of
    the inputs (`noise`, `input_dropout`: the loss compares with the rows as they were). With one layer of m linear
    units, the reconstruction is that of the first m principal components.

    Parameters
    ----------
    hidden_layer_sizes : int or list of int, default=(64, 8)
        Units of each layer of the encoder, at least 1; the last one is the code. An int is a code right above the
        inputs.
    decoder_layer_sizes : int, list of int or None, default=None
        Units of each hidden layer of the decoder; `()` for none. None mirrors the encoder: of (64, 8) it is (64,).
    tied : bool, default=False
        Whether the decoder has the weights of the encoder, transposed, W_dec = W_enc^T (in the units of training), and
        intercepts of its own. For layers that mirror the encoder's.
    noise : float, default=0.0
        Standard deviation, in [0, inf), of the normal noise that each number of the inputs has in training, in the
        units that the network sees: the columns' deviations, but those of X with standardize=False. Beside it,
        `input_dropout` makes inputs zero, which are their means.
    activation : str, Activation or list of these, default="leaky_relu"
        Function after each hidden layer but the code, one for all or one for each.
    code_activation : str or Activation, default="identity"
        Function after the code: "identity" for real codes, "relu" for sparse ones, "sigmoid" for nearly binary ones.
    encoding : str, NumberEncoding or None, default=None
        Map of each number of X by itself, before the first layer; see `skdl.encodings`.
    input_scale : bool or "auto", default="auto"
        Whether each input, encoded, is multiplied by a learned factor. "auto" is False without an encoding.
    penalty : str or Penalty, default="l2"
        Function R of the weights, or of the hidden activations, "activity_l1", with the code's among them: of few units
        that are active at a time.
    {layers}
    loss : str or Loss, default="auto"
        Name or instance of a loss for real targets whose link is the identity. "auto" is "squared_error".
    {training}
    {running}

    Attributes
    ----------
    {attributes}

    Raises
    ------
    ValueError
        For columns of categories, which have to be encoded before; and with `tied` for layers that do not mirror each
        other.

    See Also
    --------
    NetworkFeatures : The values of any layer of any network.
    skdl.inspection.ReconstructionDisplay : Rows above their reconstructions.

    Notes
    -----
    Cells of a frame may be missing: their inputs are zeros with a flag, and nothing is to be learned at them. What
    `reconstruct` gives there is what the network would expect.

    Columns that are constant in training are reconstructed exactly, and have no noise.

    {notes}

    References
    ----------
    G. E. Hinton, R. R. Salakhutdinov, "Reducing the dimensionality of data with neural networks", Science 313, 2006.
    P. Baldi, K. Hornik, "Neural networks and principal component analysis", Neural Networks 2, 1989.
    P. Vincent et al., "Stacked denoising autoencoders", JMLR 11, 2010.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl import Autoencoder
    >>> images = load_digits().images
    >>> autoencoder = Autoencoder((64, 10), random_state=0).fit(images)
    >>> code = autoencoder.transform(images)
    >>> code.shape, autoencoder.inverse_transform(code).shape
    ((1797, 10), (1797, 8, 8))
    >>> autoencoder.score(images) > 0.6
    True
    """

    _constraints = {
        **{name: each for name, each in COMMON.items() if name not in (*OWN, *WITHOUT)},
        "hidden_layer_sizes": SIZES,
        "decoder_layer_sizes": NONE | SIZES,
        "tied": Boolean(),
        "noise": Real(0),
        "input_scale": COMMON["input_scale"],
    }
    _slots = {
        **{slot: family for slot, family in Perceptron._slots.items() if slot != "augmentation"},
        "code_activation": _registry.activations,
    }

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (64, 8),
        *,
        decoder_layer_sizes: int | Sequence[int] | None = None,
        tied: bool = False,
        noise: float = 0.0,
        activation: Activations = "leaky_relu",
        code_activation: ActivationLike = "identity",
        layer: Blocks = "dense",
        encoding: NumberEncodingLike | None = None,
        input_scale: bool | str = "auto",
        initializer: InitializerLike = "auto",
        parametrization: str = "standard",
        normalization: Normalizations | None = None,
        dropout: float | Sequence[float] = 0.0,
        input_dropout: float = 0.0,
        dropout_mode: str = "inverted",
        dropout_schedule: ScheduleLike | None = None,
        optimizer: OptimizerLike = "auto",
        schedule: ScheduleLike = "auto",
        learning_rate_factors: Factors | None = None,
        weight_decay_factors: Factors | None = None,
        weight_decay_schedule: ScheduleLike | None = None,
        penalty: PenaltyLike = "l2",
        alpha: VectorLike | str = "auto",
        loss: LossLike = "auto",
        categorical_features: CategoricalLike | None = "from_dtype",
        missing: str = "auto",
        standardize: bool = True,
        batch_size: int | str = "auto",
        max_iter: int | str = "auto",
        max_time: float | None = None,
        shuffle: bool = True,
        tol: float = 1e-4,
        n_iter_no_change: float | None = None,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.15,
        warm_start: bool = False,
        dtype: str = "auto",
        random_state: RandomStateLike | None = None,
        verbose: int = 0,
        n_jobs: int | None = None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.decoder_layer_sizes = decoder_layer_sizes
        self.tied = tied
        self.noise = noise
        self.activation = activation
        self.code_activation = code_activation
        self.layer = layer
        self.encoding = encoding
        self.input_scale = input_scale
        self.initializer = initializer
        self.parametrization = parametrization
        self.normalization = normalization
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.dropout_mode = dropout_mode
        self.dropout_schedule = dropout_schedule
        self.optimizer = optimizer
        self.schedule = schedule
        self.learning_rate_factors = learning_rate_factors
        self.weight_decay_factors = weight_decay_factors
        self.weight_decay_schedule = weight_decay_schedule
        self.penalty = penalty
        self.alpha = alpha
        self.loss = loss
        self.categorical_features = categorical_features
        self.missing = missing
        self.standardize = standardize
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.max_time = max_time
        self.shuffle = shuffle
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose
        self.n_jobs = n_jobs

    @property
    def _encoder(self) -> tuple[int, ...]:
        """Units of each layer of the encoder."""
        return _sizes(self.hidden_layer_sizes)

    @property
    def _n_encoding_layers(self) -> int:  # type: ignore[override]
        return len(self._encoder)

    def _widths(self) -> tuple[int, ...]:
        encoder, sizes = self._encoder, self.decoder_layer_sizes
        return encoder + (encoder[-2::-1] if sizes is None else _sizes(sizes))

    def _of_widths(self, widths: tuple[int, ...]) -> dict[str, Any]:
        encoder, decoder = widths[: self._n_encoding_layers], widths[self._n_encoding_layers :]
        mirrors = self.decoder_layer_sizes is None and decoder == encoder[-2::-1]
        return {"hidden_layer_sizes": encoder} | ({} if mirrors else {"decoder_layer_sizes": decoder})

    def _activations(self, depth: int) -> tuple[Activation, ...]:
        if isinstance(self.activation, (list, tuple)) and len(self.activation) != depth - 1:
            raise ValueError(
                f"The 'activation' parameter of Autoencoder lists {len(self.activation)} entries for the {depth - 1} "
                "hidden layers of encoder and decoder beside the code, whose own is code_activation."
            )
        others, n = self._resolve_layers("activation", depth - 1), self._n_encoding_layers - 1
        return (*others[:n], self._resolve("code_activation"), *others[n:])

    def _architecture(self, n_inputs: int, n_outputs: int) -> Architecture:
        if not self._encoder:
            raise ValueError("hidden_layer_sizes=() has no code: give the units of at least one layer.")
        architecture = super()._architecture(n_inputs, n_outputs)
        if self.tied:
            self._check_tied(architecture)
        return replace(architecture, tied=self.tied, noise=float(self.noise))

    def _check_tied(self, architecture: Architecture) -> None:
        """Raise for layers whose maps are not each other's transposed by shape."""
        widths, reason = architecture.widths, ""
        if widths != widths[::-1]:
            reason = f"decoder_layer_sizes={self.decoder_layer_sizes!r} does not mirror hidden_layer_sizes="
            reason += f"{self.hidden_layer_sizes!r}. Leave it at None"
        elif any(activation.n_pieces > 1 for activation in architecture.activations):
            reason = f"activation={self.activation!r} has several numbers a unit. Choose an elementwise one, as 'relu'"
        elif architecture.encoding is not None:
            reason = f"encoding={self.encoding!r} has other columns than X. Set encoding=None"
        elif any(type(block) is not _DENSE for block in architecture.blocks):
            reason = f"layer={self.layer!r} has other maps than that of one layer. Set layer='dense'"
        if reason:
            raise ValueError(f"tied=True gives the decoder the weights of the encoder, and {reason}, or tied=False.")

    def _check_parameters(self, settings: Settings) -> None:
        super()._check_parameters(settings)
        if self.noise > 0 and settings.optimizer.full_batch:
            raise ValueError(
                f"noise={self.noise!r} makes the loss random, and optimizer={self.optimizer!r} needs the same loss at "
                "every call. Choose a first-order optimizer, such as 'adam', or set noise=0."
            )
        self._loss(None)

    def _loss(self, encoding: Reals | None) -> Any:
        if self.loss == "auto":
            return KnownTargets(_registry.losses.resolve("squared_error"))
        loss = self._loss_of_task(("regression",), "an autoencoder learns real targets")
        if not loss.standardizes:
            raise ValueError(
                f"The 'loss' parameter of Autoencoder: {self.loss!r} is of targets as they are, and those of an "
                "autoencoder are its standardised inputs. Use loss='auto'."
            )
        return KnownTargets(loss)

    def _search_spaces(self) -> tuple[dict[str, Any], dict[str, Any]]:
        small, more = super()._search_spaces()
        small = {name: values for name, values in small.items() if name not in ("hidden_layer_sizes", "depth")}
        more = {name: values for name, values in more.items() if name != "hidden_layer_sizes"}
        return small, {**more, "noise": LogUniform(0.01, 1.0)}


_DENSE = type(_registry.layers.resolve("dense"))


def _sizes(sizes: int | Sequence[int]) -> tuple[int, ...]:
    return (int(sizes),) if isinstance(sizes, numbers.Integral) else tuple(int(size) for size in sizes)  # type: ignore[union-attr]
