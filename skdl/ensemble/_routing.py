"""Metadata routing: sample weights and other metadata of a fit on their way to the members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn import get_config
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, get_routing_for_object
from sklearn.utils.validation import has_fit_parameter

from skdl._estimator import RootEstimator


def routes_metadata() -> bool:
    """True if scikit-learn's routing of metadata is switched on."""
    return bool(get_config()["enable_metadata_routing"])


def takes_weight(member: Any) -> bool:
    """True if a member's fit takes `sample_weight`, and has not refused it where metadata is routed."""
    if routes_metadata():
        return "sample_weight" in get_routing_for_object(member).consumes("fit", ["sample_weight"])
    return bool(has_fit_parameter(member, "sample_weight"))


class RoutesMetadata(RootEstimator):
    """An ensemble that hands on to its members' fits what they have requested."""

    def _routed(self) -> Mapping[str, Any]:
        """The unfitted members by the names that they are routed by."""
        raise NotImplementedError

    def get_metadata_routing(self) -> MetadataRouter:
        """The routes of metadata to the ensemble itself and to its members.

        Returns
        -------
        routing : MetadataRouter
            With a route of `fit` to each member's `fit`. The ensemble's own use of `sample_weight` needs no request:
            weights that a member has requested reach the ensemble, too.
        """
        own = super().get_metadata_routing()
        if own.fit.requests.get("sample_weight") is None:
            own.fit.add_request(param="sample_weight", alias=False)
        router = MetadataRouter(owner=self).add_self_request(own)
        for name, member in self._routed().items():
            router.add(method_mapping=MethodMapping().add(caller="fit", callee="fit"), **{name: member})
        return router

    def _route(self, params: Mapping[str, Any], weight: Any, *, used: bool = False) -> dict[str, dict[str, Any]]:
        """The metadata for each member's fit, `sample_weight` among them, by the members' names.

        Parameters
        ----------
        params : mapping
            Other metadata.
        weight : array or None
            The weights, if members are to have them.
        used : bool
            Whether the ensemble uses the weights by itself, so that no member has to.
        """
        given = dict(params) if weight is None else {**params, "sample_weight": weight}
        if routes_metadata():
            router = self.get_metadata_routing()
            router.validate_metadata(params=params if used else given, method="fit")
            routed = router.route_params(params=given, caller="fit")
            return {name: dict(routed[name].fit) for name in self._routed()}
        if params:
            raise ValueError(
                f"{type(self).__name__}.fit was given {sorted(params)}, and hands on metadata other than sample_weight "
                "where the members have requested it, which is only supported if enable_metadata_routing=True: see "
                "sklearn.set_config and set_fit_request."
            )
        return {name: dict(given) for name in self._routed()}
