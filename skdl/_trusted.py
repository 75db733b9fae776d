"""The types that a file without pickle may name: what skops is to trust, so that it loads this library's estimators.

A file that is loaded chooses which of these are made, with any arguments and any attributes, and which are put where a
function is expected. So a type has a place here only if neither making one nor anything that its methods do with
attributes of any kind can reach code that is not here: none imports, opens a file, unpickles, or calls what it was not
given. A prefix such as `skdl.` is not such a list: whatever a module has imported would be part of it.
"""

from __future__ import annotations

from sklearn.utils import Bunch

from skdl._encoding import Columns, Indicator, Labels, Reals, TaskColumn, TaskLayout, Tasks
from skdl._protocols import InputColumns
from skdl._registry import REGISTRIES
from skdl.autodiff import FunctionActivation, FunctionLoss
from skdl.callbacks import EarlyStopping, TimeBudget
from skdl.engine import State
from skdl.engine.state import Progress
from skdl.ensemble.bagging import BaggingClassifier, BaggingRegressor
from skdl.ensemble.ensemble_classifier import EnsembleClassifier
from skdl.ensemble.ensemble_regressor import EnsembleRegressor
from skdl.ensemble.snapshot import SnapshotEnsembleClassifier, SnapshotEnsembleRegressor
from skdl.layers.architecture import Architecture
from skdl.layers.dense import OrdinaryMaps
from skdl.linear.design import Design
from skdl.linear.least_squares.estimator import LeastSquaresRegressor
from skdl.linear.least_squares.gradient_solver import LinearNetwork
from skdl.linear.least_squares.problem import Setting, Solution
from skdl.linear.polynomial.basis import ChebyshevProducts, RecurrenceStep
from skdl.linear.polynomial.estimator import PolynomialRegressor
from skdl.linear.polynomial.terms import TermBlock, TermSet
from skdl.linear.softmax.estimator import SoftmaxClassifier
from skdl.linear.solvers.reduction import Reduction
from skdl.neighbors.base import StoredRows
from skdl.neighbors.bounds.column_groups import ColumnGroupBound
from skdl.neighbors.bounds.direct import DirectBound
from skdl.neighbors.bounds.distances import DistanceBound, MinkowskiMargins
from skdl.neighbors.bounds.grid import ExactDistanceBound, GridBound
from skdl.neighbors.bounds.nan_products import NanProductBound
from skdl.neighbors.bounds.placement import Placement
from skdl.neighbors.bounds.products import ProductBound
from skdl.neighbors.bounds.projection import ProjectionBound
from skdl.neighbors.feature_weights import ColumnFactors
from skdl.neighbors.knn_classifier import KNNClassifier
from skdl.neighbors.knn_regressor import KNNRegressor
from skdl.neighbors.labels import LabelColumn
from skdl.neighbors.metrics.metric import Cosine, Minkowski, NanMinkowski
from skdl.neighbors.metrics.pairwise import CallableMetric, PrecomputedMetric, ScipyMetric
from skdl.neighbors.search.duplicates import DuplicateRowsSearch, RowGroups
from skdl.neighbors.search.lazy import LazySearch
from skdl.neighbors.search.pairwise import PairwiseSearch, PrecomputedSearch
from skdl.neighbors.search.scan import ScanSearch
from skdl.neighbors.search.tree import TreeSearch
from skdl.neural._training import Training
from skdl.neural.autoencoder import Autoencoder
from skdl.neural.mlp_classifier import MLPClassifier
from skdl.neural.mlp_multitask import MLPMultitask
from skdl.neural.mlp_regressor import MLPRegressor
from skdl.neural.network_features import NetworkFeatures
from skdl.tables import TableSchema
from skdl.tabular._conformal import FoldResiduals, Spread
from skdl.tabular._importances import SampledRows, StoredFrame
from skdl.tabular._table_member import TableMember
from skdl.tabular.classifier import TabularClassifier
from skdl.tabular.regressor import TabularRegressor

ESTIMATORS = (
    Autoencoder,
    BaggingClassifier,
    BaggingRegressor,
    EnsembleClassifier,
    EnsembleRegressor,
    KNNClassifier,
    KNNRegressor,
    LeastSquaresRegressor,
    MLPClassifier,
    MLPMultitask,
    MLPRegressor,
    NetworkFeatures,
    PolynomialRegressor,
    SnapshotEnsembleClassifier,
    SnapshotEnsembleRegressor,
    SoftmaxClassifier,
    TabularClassifier,
    TabularRegressor,
)
ENCODINGS = (Labels, Indicator, Columns, Reals, TaskColumn, TaskLayout, Tasks)
FITTED = {
    "all networks": (
        Training,
        State,
        Progress,
        Architecture,
        OrdinaryMaps,
        InputColumns,
        TableSchema,
        Labels,
        Indicator,
        Columns,
        Reals,
        TaskColumn,
        TaskLayout,
        Tasks,
    ),
    "linear models": (
        LinearNetwork,
        Design,
        Setting,
        Solution,
        Reduction,
        RecurrenceStep,
        ChebyshevProducts,
        TermBlock,
        TermSet,
    ),
    "neighbours": (
        StoredRows,
        ColumnFactors,
        LabelColumn,
        Placement,
        Minkowski,
        Cosine,
        NanMinkowski,
        CallableMetric,
        ScipyMetric,
        PrecomputedMetric,
    ),
    "searches": (LazySearch, ScanSearch, TreeSearch, PairwiseSearch, PrecomputedSearch, DuplicateRowsSearch, RowGroups),
    "bounds": (
        DistanceBound,
        MinkowskiMargins,
        ExactDistanceBound,
        ProductBound,
        GridBound,
        ProjectionBound,
        NanProductBound,
        DirectBound,
        ColumnGroupBound,
    ),
    "ensembles": (Bunch,),
    "committees": (FoldResiduals, SampledRows, Spread, StoredFrame, TableMember),
}
# Not `Checkpoint`, which writes to a path that a file could choose.
CALLBACKS = (EarlyStopping, TimeBudget)


def trusted_types() -> list[str]:
    """The names of this library's types that can do no harm, whatever a file says about them.

    `skops.io.load(file, trusted=skdl.trusted_types())` loads any fitted estimator of this library, also in pipelines
    and ensembles with scikit-learn's. What is not in the list is not loaded: components of your own and their functions
    (add them, if you trust their code with any attributes), the callback `Checkpoint`, which writes to a path, and
    whatever else a file asks for.

    Returns
    -------
    names : list of str
        Sorted names, with their modules.

    Examples
    --------
    >>> import skdl
    >>> "skdl.neural.mlp_classifier.MLPClassifier" in skdl.trusted_types()
    True
    """
    components = [cls for registry in REGISTRIES.values() for cls in registry.built_in()]
    fitted = [cls for group in FITTED.values() for cls in group]
    types = {*ESTIMATORS, *components, *fitted, *CALLBACKS, FunctionActivation, FunctionLoss}
    return sorted(f"{cls.__module__}.{cls.__name__}" for cls in types)
