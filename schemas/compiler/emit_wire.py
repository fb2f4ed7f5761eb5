"""Emit docs/wire.md: the hand-written prose of templates/wire.md.j2 with the tables that the model holds."""

import pathlib

import jinja2

from model import FLOATS, INTS, UINTS

TEMPLATES = pathlib.Path(__file__).resolve().parent / "templates"


def cell(text):
    """Prose in one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def literal(value):
    if isinstance(value, bool):
        return str(value).lower()
    if value == "":
        return '""'
    return str(value) if not isinstance(value, dict) else "{}"


def type_text(field):
    return field.type.text


def default_text(field):
    if field.presence == "optional":
        return "optional"
    return literal(field.default) if field.presence == "defaulted" else "mandatory"


def natural(kind):
    bits = UINTS.get(kind.kind) or INTS.get(kind.kind)
    return (0, 2**bits - 1) if kind.kind in UINTS else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def span(low, high):
    return "{} to {}".format(low, high) if low != high else str(low)


def range_text(field):
    return type_range(field.type)


def type_range(kind):
    limit = " ({})".format(kind.limit) if kind.limit else ""
    if kind.kind in ("str", "bytes"):
        return span(kind.min, kind.max) + " bytes" + limit
    if kind.kind in ("array", "map"):
        inner = type_range(kind.item) if kind.item.kind in ("array", "map", "str", "bytes") else ""
        return span(kind.min, kind.max) + " items" + limit + (" of " + inner if inner else "")
    if kind.kind in UINTS or kind.kind in INTS:
        low, high = natural(kind)
        if (kind.min, kind.max) == (low, high):
            return ""
        return "from {}".format(kind.min) if kind.max == high else span(kind.min, kind.max)
    if kind.kind in FLOATS and not (kind.min is None and kind.max is None):
        low = ("above {}" if kind.above else "from {}").format(kind.min) if kind.min is not None else ""
        return (low + (" to {}".format(kind.max) if kind.max is not None else "")).strip()
    return ""


def emit(model, hashes):
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(str(TEMPLATES)), undefined=jinja2.StrictUndefined,
                                     keep_trailing_newline=True, autoescape=False)
    environment.globals.update(cell=cell, literal=literal, type_text=type_text, default_text=default_text, range_text=range_text)
    text = environment.get_template("wire.md.j2").render(
        families=[model.families[name] for name in sorted(model.families)], hashes=hashes, envelope=model.envelope,
        errors=model.errors, limits=model.limits, operations=model.operations)
    lines = [line.rstrip() for line in text.splitlines()]
    kept = [line for number, line in enumerate(lines) if line or (number and lines[number - 1])]
    return "\n".join(kept).rstrip() + "\n"
