"""RENDERERS: every way a report can be written."""

from collections.abc import Callable
from typing import TextIO

from mlops_cli.registry import Registry
from mlops_cli.result.report import Report

Renderer = Callable[[Report, TextIO], None]

RENDERERS: Registry[Renderer] = Registry(
    "output format",
    "mlops_cli.render.formats",
    {
        "text": "text:render",
        "full": "text:render_full",  # text with nothing shortened: -v
        "line": "line:render",  # the verdict only: -q
        "json": "json:render",
        "jsonl": "jsonl:render",
        "markdown": "markdown:render",
        "junit": "junit:render",
        "github": "github:render",
        "prometheus": "prometheus:render",
        "html": "html:render",
    },
)

# `--emit`: what acts on a verdict on traffic.
EMITTERS: Registry[Renderer] = Registry(
    "kind to emit",
    "mlops_cli.render.emit",
    {
        "weights": "weights:emit",
        "argo": "argo:emit",
        "flagger": "flagger:emit",
        "nginx": "nginx:emit",
        "trigger": "trigger:emit",
    },
)
