"""What the generated message classes are made of: field shapes that check, read and write msgpack.

The rules are those of docs/wire.md "Payloads" and of the C codecs (schemas/runtime/): the golden vectors hold the two
together. Only `messages.py` uses this module.
"""

import dataclasses
import math
import struct
import uuid

import msgpack

DEPTH_MAX = 32
MAP_KEYS_CHECKED = (str, bytes, int, float, bool, type(None))


class WireError(Exception):
    """Bytes or values that break the wire rules. `name` is the error's name on the wire, `field` what is at fault."""

    name = "E_PROTO"

    def __init__(self, text, field=""):
        super().__init__("{}: {}".format(field, text) if field else text)
        self.field = field


class CodecError(WireError):
    """Not msgpack, too deep, or a refused kind of value."""

    name = "E_CODEC"


class SchemaError(WireError):
    """A field is missing, of another kind, or out of range."""

    name = "E_SCHEMA"


class LimitError(WireError):
    """Over a named limit."""

    name = "E_LIMIT"


@dataclasses.dataclass(frozen=True)
class Attachment:
    """A binary field that travels beside the payload: number `index` of the message's attachment frames, from 0."""

    index: int


_pack = msgpack.Packer(use_bin_type=True, unicode_errors="surrogateescape").pack


def _head(count, fix_base, fix_max, code16, code32):
    if count <= fix_max:
        return bytes((fix_base | count,))
    if count < 1 << 16:
        return struct.pack(">BH", code16, count)
    return struct.pack(">BI", code32, count)


def _map_head(count):
    return _head(count, 0x80, 15, 0xDE, 0xDF)


def _array_head(count):
    return _head(count, 0x90, 15, 0xDC, 0xDD)


def _unique(pairs):
    result = dict(_hashable(pair) for pair in pairs)
    if len(result) < len(pairs):
        raise CodecError("the same key twice in one map")
    return result


def _hashable(pair):
    if not isinstance(pair[0], MAP_KEYS_CHECKED):
        raise SchemaError("a map key is a container")
    return pair


def _refuse_ext(code, data):
    raise CodecError("ext type {} is refused".format(code))


def _check_depth(tree, level=1):
    if not isinstance(tree, (dict, list)):
        return
    if level > DEPTH_MAX:
        raise CodecError("nested deeper than {}".format(DEPTH_MAX))
    for one in tree.values() if isinstance(tree, dict) else tree:
        if isinstance(one, (dict, list)):
            _check_depth(one, level + 1)


def unpack(data):
    """One msgpack value as dict, list, str, bytes and numbers. Raises CodecError."""
    try:
        tree = msgpack.unpackb(data, raw=False, unicode_errors="surrogateescape", strict_map_key=False, object_pairs_hook=_unique,
                               ext_hook=_refuse_ext)
    except WireError:
        raise
    except (ValueError, msgpack.exceptions.UnpackException, RecursionError) as error:
        raise CodecError(str(error) or "not msgpack") from None
    _check_depth(tree)
    return tree


class Shape:
    """One kind of value. read() turns an unpacked tree into a Python value, write() appends its encoding."""

    def read(self, value):
        raise TypeError("{} is abstract".format(type(self).__name__))

    def write(self, value, out):
        raise TypeError("{} is abstract".format(type(self).__name__))

    def check_length(self, length):
        if length > self.max:
            raise (LimitError if self.limit else SchemaError)("{} is over {}".format(length, self.limit or self.max))
        if length < self.min:
            raise SchemaError("{} is under {}".format(length, self.min))


class Bool(Shape):
    def read(self, value):
        if not isinstance(value, bool):
            raise SchemaError("want bool, got {}".format(type(value).__name__))
        return value

    def write(self, value, out):
        out.append(b"\xc3" if self.read(value) else b"\xc2")


class Int(Shape):
    def __init__(self, low, high):
        self.low, self.high = low, high

    def read(self, value):
        if not isinstance(value, int) or isinstance(value, bool):
            raise SchemaError("want an integer, got {}".format(type(value).__name__))
        if not self.low <= value <= self.high:
            raise SchemaError("{} is not in {}..{}".format(value, self.low, self.high))
        return value

    def write(self, value, out):
        out.append(_pack(self.read(value)))


class F64(Shape):
    def __init__(self, low=None, high=None, above=False):
        self.low, self.high, self.above = low, high, above

    def read(self, value):
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise SchemaError("want a number, got {}".format(type(value).__name__))
        value = self.round(float(value))
        if self.low is None and self.high is None:
            return value
        low, high = -math.inf if self.low is None else self.low, math.inf if self.high is None else self.high
        if not low <= value <= high or (self.above and value <= low):
            raise SchemaError("{} is not in {}..{}".format(value, low, high))
        return value

    def round(self, value):
        return value

    def write(self, value, out):
        out.append(struct.pack(">Bd", 0xCB, self.read(value)))


class F32(F64):
    def round(self, value):
        try:
            return struct.unpack(">f", struct.pack(">f", value))[0]
        except OverflowError:
            return math.copysign(math.inf, value)

    def write(self, value, out):
        out.append(struct.pack(">Bf", 0xCA, self.read(value)))


class Str(Shape):
    def __init__(self, low, high, limit=""):
        self.min, self.max, self.limit = low, high, limit

    def read(self, value):
        if not isinstance(value, str):
            raise SchemaError("want str, got {}".format(type(value).__name__))
        self.check_length(len(value.encode("utf-8", "surrogateescape")))
        return value

    def write(self, value, out):
        out.append(_pack(self.read(value)))


class Bytes(Shape):
    def __init__(self, low, high, limit=""):
        self.min, self.max, self.limit = low, high, limit

    def read(self, value):
        if isinstance(value, str):  # as encoders without a binary kind write it
            value = value.encode("utf-8", "surrogateescape")
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise SchemaError("want bytes, got {}".format(type(value).__name__))
        value = bytes(value)
        self.check_length(len(value))
        return value

    def write(self, value, out):
        out.append(_pack(self.read(value)))


class Binary(Shape):
    """bytes, or an Attachment."""

    INDEX_MAX = 7
    inside = Bytes(0, 2**32 - 1)

    def read(self, value):
        if isinstance(value, Attachment):
            value = value.index
        if isinstance(value, int) and not isinstance(value, bool):
            if not 0 <= value <= self.INDEX_MAX:
                raise SchemaError("attachment index {} is not in 0..{}".format(value, self.INDEX_MAX))
            return Attachment(value)
        return self.inside.read(value)

    def write(self, value, out):
        value = self.read(value)
        out.append(_pack(value.index if isinstance(value, Attachment) else value))


class Uuid(Shape):
    inside = Bytes(16, 16)

    def read(self, value):
        return value if isinstance(value, uuid.UUID) else uuid.UUID(bytes=self.inside.read(value))

    def write(self, value, out):
        out.append(_pack(self.read(value).bytes))


class Value(Shape):
    """Anything that msgpack can say."""

    def read(self, value):
        return value

    def write(self, value, out):
        out.append(_pack(value))


class Enum(Shape):
    def __init__(self, names):
        self.names = names

    def read(self, value):
        if isinstance(value, self.names):
            return value
        if not isinstance(value, str):
            raise SchemaError("want a name, got {}".format(type(value).__name__))
        try:
            return self.names(value)
        except ValueError:
            raise SchemaError("'{}' is none of {}".format(value, ", ".join(one.value for one in self.names))) from None

    def write(self, value, out):
        out.append(_pack(self.read(value).value))


class Array(Shape):
    def __init__(self, item, low, high, limit=""):
        self.item, self.min, self.max, self.limit = item, low, high, limit

    def read(self, value):
        if not isinstance(value, (list, tuple)):
            raise SchemaError("want an array, got {}".format(type(value).__name__))
        self.check_length(len(value))
        return [self.item.read(one) for one in value]

    def write(self, value, out):
        if not isinstance(value, (list, tuple)):
            raise SchemaError("want an array, got {}".format(type(value).__name__))
        self.check_length(len(value))
        out.append(_array_head(len(value)))
        for one in value:
            self.item.write(one, out)


class Map(Array):
    def read(self, value):
        if not isinstance(value, dict):
            raise SchemaError("want a map, got {}".format(type(value).__name__))
        self.check_length(len(value))
        return {KEY.read(key): self.item.read(one) for key, one in value.items()}

    def write(self, value, out):
        if not isinstance(value, dict):
            raise SchemaError("want a map, got {}".format(type(value).__name__))
        self.check_length(len(value))
        out.append(_map_head(len(value)))
        for key, one in value.items():
            KEY.write(key, out)
            self.item.write(one, out)


KEY = Str(0, 2**32 - 1)


@dataclasses.dataclass(frozen=True)
class Field:
    """A field on the wire. presence: mandatory, optional, defaulted."""

    name: str
    shape: Shape
    presence: str = "mandatory"
    default: object = None

    def is_default(self, value):
        if self.presence == "optional":
            return value is None
        return self.presence == "defaulted" and self.same(value)

    def same(self, value):
        if isinstance(value, float) or isinstance(self.default, float):  # -0.0 is not 0.0
            return struct.pack(">d", value) == struct.pack(">d", self.default)
        return (list(value) if isinstance(value, tuple) else value) == self.default


class Struct:
    """Base of every generated class. FIELDS is in wire order; the constructor takes mandatory fields first."""

    FIELDS = ()

    @classmethod
    def from_dict(cls, tree):
        """From an unpacked map: unknown keys are passed over, nil counts as absent."""
        if not isinstance(tree, dict):
            raise SchemaError("want a map, got {}".format(type(tree).__name__))
        for key in tree:
            if not isinstance(key, str):
                raise SchemaError("field names are text")
        values = {}
        for field in cls.FIELDS:
            if field.name not in tree:
                if field.presence == "mandatory":
                    raise SchemaError("missing", field.name)
                continue
            value = tree[field.name]
            if value is None and field.presence != "mandatory" and not isinstance(field.shape, Value):
                continue
            try:
                values[field.name] = field.shape.read(value)
            except WireError as error:
                raise error if error.field else type(error)(str(error), field.name) from None
        return cls(**values)

    def _write(self, out, kind=None):
        parts = []
        for field in self.FIELDS:
            value = getattr(self, field.name)
            if field.is_default(value):
                continue
            parts.append(_pack(field.name))
            try:
                field.shape.write(value, parts)
            except WireError as error:
                raise error if error.field else type(error)(str(error), field.name) from None
        pairs = sum(not field.is_default(getattr(self, field.name)) for field in self.FIELDS)
        out.append(_map_head(pairs + (1 if kind else 0)))
        if kind:
            out += (_pack("kind"), _pack(kind))
        out += parts


class Message(Struct):
    """A struct that travels as a payload. TYPE is its name on the wire."""

    TYPE = ""

    @classmethod
    def decode(cls, payload):
        """From a payload; none and nil count as an empty map. Raises WireError."""
        tree = unpack(payload) if payload else {}
        return cls.from_dict({} if tree is None else tree)

    def encode(self):
        """Canonical bytes. Raises WireError where a peer would refuse them."""
        out = []
        self._write(out)
        return b"".join(out)


class Record(Shape):
    def __init__(self, cls):
        self.cls = cls

    def read(self, value):
        return value if isinstance(value, self.cls) else self.cls.from_dict(value)

    def write(self, value, out):
        if not isinstance(value, self.cls):
            raise SchemaError("want {}, got {}".format(self.cls.__name__, type(value).__name__))
        value._write(out)


class Choice(Shape):
    """A map whose `kind` names one of several classes."""

    def __init__(self, variants):
        self.variants = variants

    def read(self, value):
        if isinstance(value, tuple(self.variants.values())):
            return value
        if not isinstance(value, dict):
            raise SchemaError("want a map, got {}".format(type(value).__name__))
        if not isinstance(value.get("kind"), str) or value["kind"] not in self.variants:
            raise SchemaError("is none of {}".format(", ".join(self.variants)), "kind")
        return self.variants[value["kind"]].from_dict(value)

    def write(self, value, out):
        for kind, cls in self.variants.items():
            if type(value) is cls:
                value._write(out, kind)
                return
        raise SchemaError("want one of {}, got {}".format(", ".join(self.variants), type(value).__name__))
