"""Distributions to search an estimator's hyperparameters over."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from skdl._constraints import InvalidParameterError


class SearchSpaceMixin:
    """Estimators that know what of them is worth tuning."""

    def search_space(self, size: str = "small") -> dict[str, Any]:
        """Distributions for scikit-learn's `RandomizedSearchCV`.

        Parameters
        ----------
        size : {"small", "large"}, default="small"
            "small" has what matters most, for some twenty candidates; "large" adds the rest, for a hundred and more.

        Returns
        -------
        space : dict
            A list or a scipy distribution for each parameter's name.
        """
        if size not in ("small", "large"):
            raise InvalidParameterError(f"The 'size' parameter must be 'small' or 'large'. Got {size!r} instead.")
        small, more = self._search_spaces()
        return small if size == "small" else {**small, **more}

    @abstractmethod
    def _search_spaces(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The small space, and what the large one has besides (or instead)."""
