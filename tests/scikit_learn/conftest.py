"""The fixtures of scikit-learn's own conftest that the borrowed tests ask for, and the failures that are expected."""

import numpy as np
import pytest
from borrow import mark


@pytest.fixture(params=[np.float64])
def global_dtype(request):
    return request.param


@pytest.fixture
def global_random_seed():
    return 42


def pytest_collection_modifyitems(items):
    mark(items)
