"""Wrap the prose of the schemas into comments of a width."""

import textwrap


def wrap(text, width):
    """Lines; a blank line in the YAML stays a blank line, other line ends are only the author's."""
    lines = []
    for paragraph in text.strip().split("\n\n"):
        if lines:
            lines.append("")
        lines += textwrap.wrap(" ".join(paragraph.split()), width, break_long_words=False, break_on_hyphens=False)
    return lines or [""]
