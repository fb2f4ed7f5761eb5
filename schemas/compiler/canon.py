"""Write canonical msgpack from plain sample values. Shares no code with any binding, so that vectors judge them all.

`Style` bends the encoding without changing its meaning; that makes the `accept` vectors.
"""

import dataclasses
import struct

from model import FLOATS, INTS, UINTS, SchemaError


@dataclasses.dataclass
class Style:
    wide: bool = False  # longest integers and heads
    reverse: bool = False  # keys in reverse order
    unknown: bool = False  # a field that no schema has, in front
    nil: bool = False  # nil for absent optional fields
    explicit: bool = False  # defaults written out


CANONICAL = Style()


def head(count, fix_base, fix_max, codes, wide):
    """A length: fixed form, 8, 16 or 32 bits. codes: (8 bit or None, 16, 32)."""
    if wide:
        return bytes([codes[2]]) + struct.pack(">I", count)
    if count <= fix_max:
        return bytes([fix_base + count])
    if codes[0] is not None and count < 2**8:
        return bytes([codes[0], count])
    if count < 2**16:
        return bytes([codes[1]]) + struct.pack(">H", count)
    return bytes([codes[2]]) + struct.pack(">I", count)


def pack_map(count, wide=False):
    return head(count, 0x80, 15, (None, 0xDE, 0xDF), wide)


def pack_array(count, wide=False):
    return head(count, 0x90, 15, (None, 0xDC, 0xDD), wide)


def pack_str(text, wide=False):
    data = text.encode()
    return head(len(data), 0xA0, 31, (0xD9, 0xDA, 0xDB), wide) + data


def pack_bin(data, wide=False):
    return head(len(data), 0, -1, (0xC4, 0xC5, 0xC6), wide) + bytes(data)


def pack_int(value, wide=False):
    if wide:
        return struct.pack(">BQ", 0xCF, value) if value >= 2**63 else struct.pack(">Bq", 0xD3, value)
    if value >= 0:
        for limit, code, form in ((2**7, None, "B"), (2**8, 0xCC, "B"), (2**16, 0xCD, ">H"), (2**32, 0xCE, ">I"), (2**64, 0xCF, ">Q")):
            if value < limit:
                return (bytes([code]) if code else b"") + struct.pack(form, value)
    if value >= -32:
        return struct.pack("b", value)
    for limit, code, form in ((2**7, 0xD0, ">b"), (2**15, 0xD1, ">h"), (2**31, 0xD2, ">i"), (2**63, 0xD3, ">q")):
        if value >= -limit:
            return bytes([code]) + struct.pack(form, value)
    raise ValueError("integer too large: {}".format(value))


def pack_f32(value):
    return struct.pack(">Bf", 0xCA, value)


def pack_f64(value):
    return struct.pack(">Bd", 0xCB, value)


def pack_value(value):
    """Any value; floats as f64, keys in the order given."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return pack_int(value)
    if isinstance(value, float):
        return pack_f64(value)
    if isinstance(value, str):
        return pack_str(value)
    if isinstance(value, (bytes, bytearray)):
        return pack_bin(value)
    if isinstance(value, list):
        return pack_array(len(value)) + b"".join(map(pack_value, value))
    return pack_map(len(value)) + b"".join(pack_value(key) + pack_value(one) for key, one in value.items())


def encode_type(kind, value, style):
    name = kind.kind
    if name == "bool":
        if not isinstance(value, bool):
            raise TypeError("{!r} is no bool".format(value))
        return pack_value(value)
    if name in UINTS or name in INTS:
        return pack_int(value, style.wide)
    if name == "f32":
        return pack_f32(value)
    if name in FLOATS:
        return pack_f64(value)
    if name in ("str", "enum"):
        return pack_str(value, style.wide)
    if name in ("bytes", "uuid"):
        return pack_bin(value, style.wide)
    if name in ("attachment", "id"):
        if isinstance(value, str):
            return pack_str(value, style.wide)
        return pack_int(value, style.wide) if isinstance(value, int) else pack_bin(value, style.wide)
    if name == "value":
        return pack_value(value)
    if name in ("array", "fixed"):
        if not isinstance(value, list):
            raise TypeError("{!r} is no array".format(value))
        return pack_array(len(value), style.wide) + b"".join(encode_type(kind.item, one, style) for one in value)
    if name == "map":
        pairs = [pack_str(key, style.wide) + encode_type(kind.item, one, style) for key, one in value.items()]
        return pack_map(len(pairs), style.wide) + b"".join(pairs)
    if name == "union":
        return encode_struct(kind.ref.variants[value["kind"]], value, style, value["kind"])
    return encode_struct(kind.ref, value, style)


def is_default(field, value):
    return field.presence == "defaulted" and value == field.default


def encode_struct(shape, value, style=CANONICAL, kind=None):
    """The map of a struct, a message, or (with kind) a variant of a union."""
    unknown = set(value) - {field.name for field in shape.fields} - ({"kind"} if kind else set())
    if unknown:
        raise SchemaError(shape.where, "a sample of {} has unknown fields {}".format(shape.full, sorted(unknown)), "mend the sample")
    pairs = [pack_str("kind", style.wide) + pack_str(kind, style.wide)] if kind else []
    for field in shape.fields:
        key = pack_str(field.name, style.wide)
        if field.name in value and (style.explicit or not is_default(field, value[field.name])):
            pairs.append(key + encode_type(field.type, value[field.name], style))
        elif field.name in value:
            continue
        elif field.presence == "mandatory":
            raise SchemaError(shape.where, "a sample of {} lacks {}".format(shape.full, field.name), "add it")
        elif style.explicit and field.presence == "defaulted":
            pairs.append(key + encode_type(field.type, field.default, style))
        elif style.nil and field.type.kind != "value":
            pairs.append(key + b"\xc0")
    if style.unknown:
        pairs.insert(0, pack_str("zz_unknown") + pack_value({"a": [1, None, b"x"]}))
    if style.reverse:
        pairs.reverse()
    return pack_map(len(pairs), style.wide) + b"".join(pairs)
