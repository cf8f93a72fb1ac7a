"""Options that several commands share: where the cluster comes from, and how the answer is printed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from copilot.target import Target

_OPTIONS = (
    click.option("--from", "paths", multiple=True, metavar="PATH",
                 help="Read a dump, bundle, manifests, recording or pasted text instead of a live cluster; - is stdin. Repeatable."),
    click.option("-n", "--namespace", metavar="NS", help="Only this namespace."),
    click.option("-A", "--all-namespaces", is_flag=True, help="The whole cluster."),
    click.option("--context", metavar="NAME", help="The kubeconfig context to use."),
    click.option("--kubeconfig", metavar="FILE", help="The kubeconfig file to use."),
)  # fmt: skip


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which cluster, and pass them as one keyword `target: Target`."""

    @functools.wraps(command)
    def with_target(*args: Any, **kwargs: Any) -> Any:
        """Fold the separate options into one value."""
        kwargs["target"] = Target(
            kubeconfig=kwargs.pop("kubeconfig"),
            context=kwargs.pop("context"),
            namespace=kwargs.pop("namespace"),
            all_namespaces=kwargs.pop("all_namespaces"),
            paths=kwargs.pop("paths"),
        )
        return command(*args, **kwargs)

    for option in reversed(_OPTIONS):
        with_target = option(with_target)
    return with_target


def output_option(*formats: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add `-o/--output` with the given formats; the first is the default."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="How to print the answer.",
    )


def allow_changes_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--allow-changes`."""
    return click.option(
        "--allow-changes",
        is_flag=True,
        help="Ask the cluster to rehearse the change, and carry it out once you agree. Off by default.",
    )(command)


def soak_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--soak SECONDS`."""
    return click.option(
        "--soak",
        type=click.FloatRange(0, 3600),
        default=120.0,
        show_default=True,
        metavar="SECONDS",
        help="For how long a finished rollout must stay well before it counts as done.",
    )(command)


__all__ = ["Target", "allow_changes_option", "cluster_options", "output_option", "soak_option"]
