"""The page of a report, whole or only what changes while logs grow: templates of `page/`, always escaped."""

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from mlops_cli.render.view import view
from mlops_cli.result.report import Report

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = ("page.html", "body.html", "parts.html")


def page(report: Report, *, live: str = "") -> str:
    """The whole document in ASCII: all else is a character reference, so that no encoding can lose it.

    Parameters
    ----------
    report : what is shown
    live : revision of what is shown, for a page that listens to `events` beside it and takes `page` when told

    """
    style, script = _part("page.css"), _part("page.js")
    from markupsafe import Markup  # noqa: PLC0415 # comes with jinja2

    text = _environment().get_template("page.html")
    said = text.render(
        **view(report),
        live=live,
        style=Markup(style),  # noqa: S704 # ours, and its hash is all that the page allows
        script=Markup(script),  # noqa: S704
        style_hash=_hash(style),
        script_hash=_hash(script),
    )
    return _ascii(said)


def body(report: Report) -> str:
    """What stands inside of it, to take the place of an older one."""
    return _ascii(_environment().get_template("body.html").render(**view(report), live="1"))


def _ascii(text: str) -> str:
    return text.strip().encode("ascii", "xmlcharrefreplace").decode("ascii") + "\n"


@cache
def _environment() -> "Environment":
    from jinja2 import DictLoader, Environment, StrictUndefined  # noqa: PLC0415 # 0.1 s
    from markupsafe import Markup  # noqa: PLC0415

    made = Environment(
        loader=DictLoader({name: _part(name) for name in TEMPLATES}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # A drawing of `chart.py` holds numbers and our own class names, no text of a log.
    made.filters["drawing"] = Markup
    return made


@cache
def _part(name: str) -> str:
    return (files("mlops_cli") / "render" / "page" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """As a Content-Security-Policy names it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
