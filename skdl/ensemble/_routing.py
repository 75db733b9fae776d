"""Metadata routing: sample weights and other metadata of a fit on their way to the members."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sklearn import get_config
from sklearn.utils.metadata_routing import (
    MetadataRequest,
    MetadataRouter,
    MethodMapping,
    get_routing_for_object,
)
from sklearn.utils.validation import has_fit_parameter

from skdl._estimator import RootEstimator


def routes_metadata() -> bool:
    """True if scikit-learn's routing of metadata is switched on."""
    return bool(get_config()["enable_metadata_routing"])


def takes_weight(member: object) -> bool:
    """True if a member's fit takes `sample_weight`, and has not refused it where metadata is routed."""
    if routes_metadata():
        return "sample_weight" in get_routing_for_object(member).consumes("fit", ["sample_weight"])
    return bool(has_fit_parameter(member, "sample_weight"))


def router_of(owner: RootEstimator, own: MetadataRequest, members: Mapping[str, Any]) -> MetadataRouter:
    """The routes of metadata to an ensemble, whose own request is given, and to the fits of its members."""
    if own.fit.requests.get("sample_weight") is None:
        own.fit.add_request(param="sample_weight", alias=False)
    router = MetadataRouter(owner=owner).add_self_request(own)
    for name, member in members.items():
        router.add(method_mapping=MethodMapping().add(caller="fit", callee="fit"), **{name: member})
    return router


def route(
    owner: RootEstimator, members: Iterable[str], params: Mapping[str, Any], weight: Any, *, used: bool
) -> dict[str, dict[str, Any]]:
    """The metadata for each member's fit, `sample_weight` among them, by the members' names.

    Parameters
    ----------
    owner : ensemble
    members : names of the members
    params : mapping
        Other metadata.
    weight : array or None
        The weights, if members are to have them.
    used : bool
        Whether the ensemble uses the weights by itself, so that no member has to.
    """
    given = dict(params) if weight is None else {**params, "sample_weight": weight}
    if routes_metadata():
        router = owner.get_metadata_routing()
        router.validate_metadata(params=params if used else given, method="fit")
        routed = router.route_params(params=given, caller="fit")
        return {name: dict(routed[name].fit) for name in members}
    if params:
        raise ValueError(
            f"{type(owner).__name__}.fit got {sorted(params)}. Metadata other than sample_weight reach only members "
            "that have requested them (set_fit_request), which is only supported if enable_metadata_routing=True: see "
            "sklearn.set_config."
        )
    return {name: dict(given) for name in members}
