"""Emit the golden vectors: what every language must write, must accept, and must refuse, byte for byte."""

import base64
import json
import math

from canon import CANONICAL, Style, encode_struct, pack_map, pack_str, pack_value

ACCEPT_STYLES = (
    ("unknown fields pass", Style(unknown=True)),
    ("other key order", Style(reverse=True)),
    ("longer integers and heads than needed", Style(wide=True)),
    ("nil for what is absent", Style(nil=True)),
    ("defaults written out", Style(explicit=True)),
)
STRING_CASES_MAX = 4096  # longer ones are tested by hand, not stored as hex


def to_json(value):
    """As at the HTTP edge: binary is {"$bin": base64}; and {"$float": text} for what JSON cannot say."""
    if isinstance(value, (bytes, bytearray)):
        return {"$bin": base64.b64encode(value).decode()}
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"}
    if isinstance(value, dict):
        return {key: to_json(one) for key, one in value.items()}
    if isinstance(value, list):
        return [to_json(one) for one in value]
    return value


def accepts(message):
    rows, seen = [], set()
    for sample in message.samples:
        canonical = encode_struct(message, sample)
        seen.add(canonical)
        for why, style in ACCEPT_STYLES:
            data = encode_struct(message, sample, style)
            if data not in seen:
                seen.add(data)
                rows.append({"type": message.full, "hex": data.hex(), "canonical": canonical.hex(), "why": why})
    if all(field.presence != "mandatory" for field in message.fields):
        rows.append({"type": message.full, "hex": "c0", "canonical": "80", "why": "nil is an empty map"})
        rows.append({"type": message.full, "hex": "", "canonical": "80", "why": "no payload is an empty map"})
    return rows


def wrong_value(kind):
    """A value that can never fit."""
    if kind.kind in ("array", "fixed"):
        return b"\x81\xa1a\x01"
    if kind.kind in ("map", "struct", "union"):
        return b"\x91\x01"
    return b"\x90"


def broken_maps(message, value):
    """(map bytes, error, why) for each field by itself."""
    whole = {field.name: encode_struct(type(message)(message.family, message.name, "", "", [field]), {field.name: value[field.name]})[1:]
             for field in message.fields if field.name in value and not (field.presence == "defaulted" and value[field.name] == field.default)}

    def build(parts):
        return pack_map(len(parts)) + b"".join(parts)

    for field in message.fields:
        others = [data for name, data in whole.items() if name != field.name]
        key = pack_str(field.name)
        if field.presence == "mandatory":
            yield build(others), "SCHEMA", "{} is missing".format(field.name)
        if field.type.kind != "value":
            yield build([*others, key + wrong_value(field.type)]), "SCHEMA", "{} is of another kind".format(field.name)
        if field.presence == "mandatory" and field.type.kind != "value":
            yield build([*others, key + b"\xc0"]), "SCHEMA", "{} is nil".format(field.name)
        kind = field.type
        if kind.kind in ("str", "bytes") and kind.max < STRING_CASES_MAX:
            long = "x" * (kind.max + 1)
            data = pack_value(long if kind.kind == "str" else long.encode())
            yield build([*others, key + data]), "LIMIT" if kind.limit else "SCHEMA", "{} is one byte too long".format(field.name)
        if kind.kind in ("u8", "u16", "u32", "u64") and kind.max < 2**64 - 1:
            yield build([*others, key + pack_value(kind.max + 1)]), "SCHEMA", "{} is one over its range".format(field.name)
        if kind.kind in ("u8", "u16", "u32", "u64") and kind.min > 0:
            yield build([*others, key + pack_value(kind.min - 1)]), "SCHEMA", "{} is one under its range".format(field.name)


def rejects(message):
    rows, seen = [], set()

    def row(data, error, why):
        if data not in seen:
            seen.add(data)
            rows.append({"type": message.full, "hex": data.hex(), "error": error, "why": why})

    sample = message.samples[-1]
    data = encode_struct(message, sample)
    row(data[:-1] if len(data) > 1 else b"\x81", "CODEC", "ends too early")
    row(data + b"\xc0", "CODEC", "a value left over")
    row(b"\x91" + data, "SCHEMA", "an array instead of a map")
    row(b"\x82" + pack_str("zz") + b"\x01" + pack_str("zz") + b"\x02", "CODEC", "the same key twice")
    row(b"\x81" + pack_str("zz") + b"\x91" * 32 + b"\x01", "CODEC", "nested too deep")
    row(b"\x81" + pack_str("zz") + b"\xd4\x05\x00", "CODEC", "an ext type that is not a timestamp")
    row(b"\x81" + pack_str("zz") + b"\xc1", "CODEC", "the byte that msgpack never uses")
    row(b"\x81" + pack_str("zz") + b"\xdd\xff\xff\xff\xff", "CODEC", "an array longer than the bytes left")
    row(b"\xdf\x7f\xff\xff\xff", "CODEC", "a map longer than the bytes left")
    for bytes_, error, why in broken_maps(message, sample):
        row(bytes_, error, why)
    for bad in message.rejects:
        row(encode_loose(message, bad["value"]), bad["error"], bad["why"])
    return rows


def encode_loose(message, value):
    """A map as given, unchecked: known fields by their type where that works, everything else as plain values."""
    parts = []
    by_name = {field.name: field for field in message.fields}
    for key, one in value.items():
        data = pack_value(one)
        if key in by_name:
            try:
                alone = type(message)(message.family, message.name, "", "", [by_name[key]])
                data = encode_struct(alone, {key: one}, Style(explicit=True))[1 + len(pack_str(key)):]
            except Exception:  # noqa: BLE001 - it was not meant to fit
                data = pack_value(one)
        parts.append(pack_str(key) + data)
    return pack_map(len(parts)) + b"".join(parts)


def family_vectors(family):
    vectors, accept, reject = [], [], []
    for message in family.messages.values():
        for sample in message.samples:
            data = encode_struct(message, sample, CANONICAL)
            vectors.append({"type": message.full, "value": to_json(sample), "hex": data.hex()})
        accept += accepts(message)
        reject += rejects(message)
    return dump(vectors, accept, reject)


def dump(vectors, accept, reject, extra=None):
    """One row per line, so that a difference is readable."""
    note = "generated by schemas/compiler from the samples in schemas/; edit those instead"
    parts = ["{\n \"note\": " + json.dumps(note)]
    for name, rows in (*(extra or {}).items(), ("vectors", vectors), ("accept", accept), ("reject", reject)):
        lines = ",\n".join("  " + json.dumps(one, ensure_ascii=True) for one in rows)
        parts.append(" \"{}\": [\n{}\n ]".format(name, lines) if rows else " \"{}\": []".format(name))
    return ",\n".join(parts) + "\n}\n"


def envelope_vectors(model):
    shape = model.envelope
    vectors = [{"value": to_json(sample), "hex": encode_struct(shape, sample).hex()} for sample in shape.samples]
    accept = []
    for sample in shape.samples:
        canonical, seen = encode_struct(shape, sample).hex(), set()
        for why, style in ACCEPT_STYLES:
            data = encode_struct(shape, sample, style).hex()
            if why != "nil for what is absent" and data != canonical and data not in seen:
                seen.add(data)
                accept.append({"hex": data, "canonical": canonical, "why": why})
    accept.append({"hex": (pack_map(2) + pack_value("type") + pack_value("t") + pack_value("priority") + pack_value(0.8)).hex(),
                   "canonical": encode_struct(shape, {"type": "t", "priority": 80}).hex(), "why": "priority as a float of 0 to 1"})
    reject = [{"hex": encode_loose(shape, bad["value"]).hex(), "error": bad["error"], "why": bad["why"]} for bad in shape.rejects]
    for field in shape.fields:
        if field.type.kind == "str" and not field.stamped:
            value = {"type": "t", field.name: "x" * (field.type.max + 1)}
            reject.append({"hex": encode_loose(shape, value).hex(), "error": "LIMIT", "why": field.name + " is one byte too long"})
    data = encode_struct(shape, shape.samples[1])
    reject += [{"hex": data[:-1].hex(), "error": "CODEC", "why": "ends too early"},
               {"hex": (b"\x82" + pack_value("type") + pack_value("t") + pack_value("type") + pack_value("u")).hex(), "error": "CODEC",
                "why": "the same key twice"},
               {"hex": (b"\x82" + pack_value("type") + pack_value("t") + pack_value("payload") + b"\x91" * 32 + b"\x01").hex(),
                "error": "CODEC", "why": "nested too deep: the envelope is level 1"},
               {"hex": (b"\x82" + pack_value("type") + pack_value("t") + pack_value("payload") + b"\xd4\x05\x00").hex(),
                "error": "CODEC", "why": "an ext type that is not a timestamp"}]
    return dump(vectors, accept, reject)


def frame_vectors(model):
    vectors = []
    for frame in model.frames["frames"]:
        data = pack_value(frame["header"]) + b"".join(encode_struct(model.envelope, one) for one in frame["envelopes"])
        vectors.append({"why": frame["doc"], "header": to_json(frame["header"]), "envelopes": to_json(frame["envelopes"]), "hex": data.hex()})
    reject = []
    for bad in model.frames["rejects"]:
        value = bad["value"]
        if "pad" in bad:
            value = {**value, "zz": b"\0" * bad["pad"]}
        data = pack_value(value)
        data = data[:-bad["cut"]] if "cut" in bad else data
        reject.append({"hex": data.hex(), "error": bad["error"], "why": bad["why"]})
    return dump(vectors, [], reject)


def emit_all(model):
    """file name -> text"""
    files = {name + ".json": family_vectors(family) for name, family in model.families.items()}
    files["envelope.json"] = envelope_vectors(model)
    files["frames.json"] = frame_vectors(model)
    return files
