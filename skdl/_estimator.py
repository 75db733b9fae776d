"""The base of all estimators: messages about parameters that they do not have, and displays in a notebook."""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Callable, Container, Iterable
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import metaestimators

from skdl._component import constructor_arguments, explain_constructor, unknown_parameter
from skdl._warnings import collecting
from skdl._words import our_word

Method = TypeVar("Method", bound=Callable[..., Any])
CONTAINERS = (dict, list, tuple, set)
PLAIN = {float, int, bool, str, bytes, type(None)}
PAGES = Path(__file__).parents[1] / "docs"


def available_if(check: Callable[[Any], bool]) -> Callable[[Method], Method]:
    """Decorator of a method that an estimator has only if the check says so, or does not raise an AttributeError."""
    decorator: Callable[[Method], Method] = metaestimators.available_if(check)
    return decorator


class RootEstimator(BaseEstimator):
    """Base of all estimators of skdl."""

    # scikit-learn's displays make a link of these.
    _doc_link_module = "skdl"
    _doc_link_template = "{link}"
    _doc_page = "README.md"

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        explain_constructor(cls, our_word)

    def set_params(self, **params: object) -> Self:
        """Set parameters of this estimator, and with `name__parameter` those of what is in its parameter `name`.

        Parameters
        ----------
        **params : dict

        Returns
        -------
        self : estimator
        """
        known = self._settable()
        for name in (key.partition("__")[0] for key in params):
            if name not in known:
                raise ValueError(unknown_parameter(type(self), name, our_word))
        super().set_params(**params)
        return self

    def _settable(self) -> Container[str]:
        """The names that `set_params` takes, up to a `__`."""
        return constructor_arguments(type(self))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True  # images, which are rows of numbers to all
        return tags

    def __setstate__(self, state: Any) -> None:
        check_sparse_in(state)
        super().__setstate__(state)

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        return {"link": _page(type(self)._doc_page)}

    def _get_params_html(self, deep: bool = True, doc_link: str = "") -> Any:
        """The constructor's parameters; what a component in one of them has is in its own repr.

        scikit-learn would list it too, and as set by the user, for the constructor does not have it.
        """
        return super()._get_params_html(False, doc_link)

    def _get_fitted_attr_html(self, doc_link: str = "") -> Any:
        """The attributes, with a short text for those whose repr would be cut."""
        with collecting():  # a property that warns, as of what is not defined, was not asked for
            attributes = super()._get_fitted_attr_html(doc_link)
        for name, shown in attributes.items():
            attributes[name] = _shortened(shown)
        return attributes


def is_set(estimator: BaseEstimator, name: str) -> bool:
    """True for a parameter that the estimator has, with another value than its default."""
    defaults = constructor_arguments(type(estimator))
    if name not in defaults or not hasattr(estimator, name):
        return False
    value, default = getattr(estimator, name), defaults[name]
    return value is not default and not (type(value) is type(default) and value == default)


@functools.cache
def _page(name: str) -> str:
    """The address of a page of the documentation: the one that the package declares, else in the source checkout."""
    try:
        urls = importlib.metadata.metadata("skdl").get_all("Project-URL") or []
    except importlib.metadata.PackageNotFoundError:
        urls = []
    for declared in urls:
        label, _, address = declared.partition(", ")
        if label.lower() == "documentation":
            return f"{address.rstrip('/')}/{name}"
    page = PAGES.parent / name
    return page.as_uri() if page.is_file() else ""


def _shortened(shown: dict[str, Any]) -> dict[str, Any]:
    """A fitted attribute as a display shows it: of a frame its columns, of a list of arrays their shapes."""
    value = shown["value"]
    if hasattr(value, "columns"):
        return {**shown, "shape": value.shape, "dtype": "columns", "value": np.array(list(value.columns))}
    if isinstance(value, list) and value and all(isinstance(each, np.ndarray) for each in value):
        return {**shown, "value": np.array([f"{each.shape}" for each in value])}
    if isinstance(value, str):
        return {**shown, "value": np.array(value)}
    return shown


def check_sparse_in(state: Any) -> None:
    """Raise a ValueError for a sparse matrix whose indices leave it: scipy reads and writes there without looking.

    Pickles and files without pickle (skops) give back whatever indices they hold. What is in an estimator within has
    been looked at when that one was made.
    """
    seen, left = set(), [state]
    while left:
        value = left.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        within: Iterable[Any] = ()
        if sparse.issparse(value) and hasattr(value, "check_format"):
            value.check_format(full_check=True)
        elif isinstance(value, np.ndarray):
            within = value.ravel().tolist() if value.dtype.hasobject else ()
        elif isinstance(value, CONTAINERS):
            within = value.values() if isinstance(value, dict) else value
        elif type(value).__module__.startswith("skdl.") and not isinstance(value, RootEstimator):
            within = getattr(value, "__dict__", {}).values()
        left += [each for each in within if type(each) not in PLAIN]
