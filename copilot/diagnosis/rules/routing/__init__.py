"""The way to a pod: Services, ports, DNS, policies, Ingress, Gateway, meshes, certificates."""

from copilot.diagnosis.rules.routing import (
    certificates,
    dns,
    endpoints,
    gateway,
    ingress_conflicts,
    ingresses,
    load_balancers,
    mesh,
    mesh_access,
    netpol,
    services,
)

_MODULES = (
    certificates,
    dns,
    endpoints,
    gateway,
    ingress_conflicts,
    ingresses,
    load_balancers,
    mesh,
    mesh_access,
    netpol,
    services,
)
RULES = tuple(rule for module in _MODULES for rule in module.RULES)
