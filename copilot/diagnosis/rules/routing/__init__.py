"""The way to a pod: Services, ports, DNS, policies, Ingress, Gateway, certificates."""

from copilot.diagnosis.rules.routing import certificates, dns, gateway, ingress_conflicts, netpol, services

RULES = tuple(
    rule for module in (certificates, dns, gateway, ingress_conflicts, netpol, services) for rule in module.RULES
)
