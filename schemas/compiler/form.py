"""The canonical form of the schemas: all that the wire depends on and no prose. Hashes and comparisons use it."""

import hashlib
import json


def type_form(kind):
    form = {"kind": kind.kind}
    if kind.ref:
        form["ref"] = kind.ref.full
    if kind.item:
        form["item"] = type_form(kind.item)
    for key in ("min", "max", "above", "limit"):
        value = getattr(kind, key)
        if value not in (None, False, ""):
            form[key] = value
    return form


def field_form(field):
    form = {"name": field.name, "type": type_form(field.type), "presence": field.presence}
    if field.presence == "defaulted":
        form["default"] = field.default.hex() if isinstance(field.default, bytes) else field.default
    return form


def fields_form(struct):
    return [field_form(field) for field in struct.fields]


def family_form(family):
    return {
        "channel": family.channel,
        "enums": {enum.name: list(enum.values) for enum in family.enums.values()},
        "structs": {struct.name: fields_form(struct) for struct in family.structs.values()},
        "unions": {union.name: [{"name": name, "fields": fields_form(variant)} for name, variant in union.variants.items()]
                   for union in family.unions.values()},
        "types": {message.name: {"since": message.since, "reply": message.reply, "fields": fields_form(message)}
                  for message in family.messages.values()},
    }


def family_hash(family):
    """First 8 hex digits of BLAKE2b over the canonical form: what `hello` exchanges."""
    text = json.dumps(family_form(family), sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode()).hexdigest()[:8]


def model_form(model):
    operations = model.operations
    return {
        "families": {name: family_form(family) for name, family in sorted(model.families.items())},
        "envelope": fields_form(model.envelope),
        "errors": {row["name"]: [row["code"], row["retry"]] for row in model.errors},
        "keys": {name: key["type"] for name, key in operations["keys"].items()},
        "operations": {op["name"]: op["keys"] for op in operations["operations"]},
        "admin": [op["name"] for op in operations["admin"]],
        "limits": {name: row["value"] for name, row in model.limits.items()},
    }


def form_text(model):
    return json.dumps(model_form(model), indent=1, sort_keys=True) + "\n"
