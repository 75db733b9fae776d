"""Texts that several docstrings share, written once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

Documented = TypeVar("Documented", bound=Callable[..., Any])  # a class or a function


def documented_by(texts: Mapping[str, str]) -> Callable[[Documented], Documented]:
    """Decorator of a class or function that puts the texts where its docstring names them in braces."""

    def text(match: re.Match[str]) -> str:
        indent, name = match.groups()
        lines = texts[name].strip().splitlines()
        return "\n".join(indent + line if line else line for line in lines)

    def document(documented: Documented) -> Documented:
        documented.__doc__ = re.sub(r"^( *)\{(\w+)\}$", text, documented.__doc__ or "", flags=re.MULTILINE)
        return documented

    return document


def without(text: str, *names: str) -> str:
    """The text of several parameters, or attributes, without those of these names."""
    entries = re.split(r"^(?=\S)", text, flags=re.MULTILINE)
    return "".join(entry for entry in entries if re.split(r"[ ,]", entry, maxsplit=1)[0] not in names)
