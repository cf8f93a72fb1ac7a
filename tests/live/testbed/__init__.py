"""A real Kubernetes control plane with simulated kubelets, for tests and for trying things out.

Promise: API server, etcd, scheduler and controllers are the upstream programs; only the kubelets are played.
"""
