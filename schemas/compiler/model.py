"""The one model of all message families: parsed, checked, ready for the emitters."""

import dataclasses
import re
import typing

from yamlmap import Map, SchemaError, load

UINTS = {"u8": 8, "u16": 16, "u32": 32, "u64": 64, "timestamp_ms": 64, "duration_ms": 64}
INTS = {"i8": 8, "i16": 16, "i32": 32, "i64": 64}
FLOATS = ("f32", "f64")
SCALARS = ("bool", *UINTS, *INTS, *FLOATS, "str", "bytes", "uuid", "value", "attachment")
FIELDS_MAX = 64
NAME = re.compile(r"[a-z][a-z0-9_]*$")
RESERVED = set("auto break case char const continue default do double else enum extern float for goto if inline int long register "
               "return short signed sizeof static struct switch typedef union unsigned void volatile while class delete new "
               "operator private public template this throw try namespace and as assert async await def del elif except from "
               "global import in is lambda nonlocal not or pass raise with yield None True False kind".split())


@dataclasses.dataclass
class Type:
    """A value on the wire. kind: a name of SCALARS, or enum, struct, union, array, fixed, map."""

    kind: str
    item: typing.Optional["Type"] = None  # array, fixed, map
    ref: typing.Any = None  # Enum, Struct or Union
    min: typing.Any = None
    max: typing.Any = None
    above: bool = False  # min itself is excluded
    limit: str = ""  # max is this named limit

    @property
    def text(self):
        if self.kind in ("enum", "struct", "union"):
            return self.ref.full
        if self.kind == "array":
            return "array<{}>".format(self.item.text)
        if self.kind == "fixed":
            return "array<{},{}>".format(self.item.text, self.max)
        if self.kind == "map":
            return "map<str,{}>".format(self.item.text)
        return self.kind


@dataclasses.dataclass
class Field:
    name: str
    type: Type
    presence: str  # mandatory, optional, defaulted
    default: typing.Any
    unit: str
    doc: str
    since: int
    where: str
    stamped: bool = False  # envelope only: written by the broker


@dataclasses.dataclass
class Struct:
    """A map with fixed fields: a message, a struct, or a variant of a union."""

    family: str
    name: str
    doc: str
    where: str
    fields: list = dataclasses.field(default_factory=list)
    since: int = 1
    reply: list = dataclasses.field(default_factory=list)
    samples: list = dataclasses.field(default_factory=list)
    rejects: list = dataclasses.field(default_factory=list)
    is_message: bool = False

    @property
    def full(self):
        return self.family + "." + self.name


@dataclasses.dataclass
class Enum:
    family: str
    name: str
    doc: str
    where: str
    values: dict = dataclasses.field(default_factory=dict)  # name -> doc

    @property
    def full(self):
        return self.family + "." + self.name


@dataclasses.dataclass
class Union:
    family: str
    name: str
    doc: str
    where: str
    variants: dict = dataclasses.field(default_factory=dict)  # name -> Struct

    @property
    def full(self):
        return self.family + "." + self.name


@dataclasses.dataclass
class Family:
    name: str
    channel: str
    doc: str
    path: str
    enums: dict = dataclasses.field(default_factory=dict)
    structs: dict = dataclasses.field(default_factory=dict)
    unions: dict = dataclasses.field(default_factory=dict)
    messages: dict = dataclasses.field(default_factory=dict)
    uses: set = dataclasses.field(default_factory=set)  # other families

    def shapes(self):
        """Structs and unions, each after what it holds."""
        done, order = set(), []

        def visit(shape):
            if shape.full in done:
                return
            done.add(shape.full)
            parts = shape.variants.values() if isinstance(shape, Union) else [shape]
            for part in parts:
                for field in part.fields:
                    kind = field.type
                    while kind.item:
                        kind = kind.item
                    if kind.kind in ("struct", "union") and kind.ref.family == self.name:
                        visit(kind.ref)
            order.append(shape)

        for shape in [*self.structs.values(), *self.unions.values(), *self.messages.values()]:
            visit(shape)
        return order


@dataclasses.dataclass
class Model:
    families: dict  # in an order in which each comes after those it uses
    limits: Map
    errors: list
    operations: Map
    envelope: Struct
    frames: Map

    def messages(self):
        return [message for family in self.families.values() for message in family.messages.values()]


class Builder:
    """Two passes: names first, so that fields may refer to what stands further down."""

    FIELD_KEYS = {"type", "doc", "min", "max", "above", "default", "unit", "since", "item", "stamped"}
    TYPE_KEYS = {"doc", "since", "reply", "fields", "samples", "rejects"}

    def __init__(self, documents, limits):
        self.limits = limits
        self.documents = documents
        self.families = {}

    def build(self):
        for document in self.documents:
            self.declare(document)
        for document in self.documents:
            self.fill(document)
        self.check_cycles()
        return self.in_order()

    def need(self, node, key, what):
        if not isinstance(node, Map):
            raise SchemaError("?", "{} must be a map".format(what), "write key: value lines")
        if not node.get(key):
            raise SchemaError(node.where(), "{} has no {}".format(what, key), "add `{}:`".format(key))
        return node[key]

    def keys(self, node, allowed, what):
        for key in node:
            if key not in allowed:
                raise SchemaError(node.where(key), "{} has an unknown key '{}'".format(what, key),
                                  "use one of: " + ", ".join(sorted(allowed)))

    def name(self, node, name):
        if not isinstance(name, str) or not NAME.match(name) or name in RESERVED:
            raise SchemaError(node.where(name), "'{}' is no name".format(name),
                              "use snake_case that is no keyword of C or Python")
        return name

    def declare(self, document):
        self.keys(document, {"family", "channel", "doc", "enums", "structs", "unions", "types"}, "family")
        name = self.name(document, self.need(document, "family", "the file"))
        family = Family(name, document.get("channel", ""), self.need(document, "doc", "family " + name).strip(), document.path)
        taken = set()
        for section, target, make in (("enums", family.enums, Enum), ("structs", family.structs, Struct),
                                      ("unions", family.unions, Union), ("types", family.messages, Struct)):
            nodes = document.get(section) or Map()
            for key, node in nodes.items():
                what = "{} {}.{}".format(section[:-1], name, key)
                if self.name(nodes, key) in taken:
                    raise SchemaError(nodes.where(key), "{}.{} is declared twice".format(name, key), "rename one")
                taken.add(key)
                if not isinstance(node, Map):
                    raise SchemaError(nodes.where(key), what + " must be a map", "give it doc: and fields:")
                target[key] = make(name, key, self.need(node, "doc", what).strip(), nodes.where(key))
        self.families[name] = family

    def fill(self, document):
        family = self.families[document["family"]]
        for key, node in (document.get("enums") or {}).items():
            self.keys(node, {"doc", "values"}, "enum " + key)
            values = self.need(node, "values", "enum " + key)
            for value, doc in values.items():
                if not isinstance(value, str) or not isinstance(doc, str) or not doc:
                    raise SchemaError(values.where(value), "enum value '{}' is no text with prose".format(value),
                                      "write name: \"what it means\"; quote words like yes and no")
            family.enums[key].values = dict(values)
        for key, node in (document.get("structs") or {}).items():
            self.keys(node, {"doc", "fields"}, "struct " + key)
            self.fields(family, family.structs[key], node)
        for key, node in (document.get("unions") or {}).items():
            self.union(family, family.unions[key], node)
        for key, node in (document.get("types") or {}).items():
            self.keys(node, self.TYPE_KEYS, "message " + key)
            self.message(family, family.messages[key], node)

    def union(self, family, union, node):
        self.keys(node, {"doc", "variants"}, "union " + union.name)
        variants = self.need(node, "variants", "union " + union.name)
        for name, variant in variants.items():
            what = "variant {}.{}".format(union.name, name)
            self.keys(variant, {"doc", "fields"}, what)
            struct = Struct(family.name, union.name + "_" + self.name(variants, name), self.need(variant, "doc", what),
                            variants.where(name))
            self.fields(family, struct, variant)
            union.variants[name] = struct

    def message(self, family, message, node):
        message.is_message = True
        message.since = self.need(node, "since", "message " + message.full)
        message.reply = node.get("reply") or []
        for reply in message.reply:
            other, _, name = reply.partition(".")
            if other not in self.families or name not in self.families[other].messages:
                raise SchemaError(node.where("reply"), "reply '{}' is no message".format(reply), "declare it or mend the name")
        self.fields(family, message, node)
        message.samples = node.get("samples") or []
        message.rejects = node.get("rejects") or []
        if not message.samples:
            raise SchemaError(message.where, message.full + " has no samples", "add at least one: they become golden vectors")

    def fields(self, family, struct, node):
        nodes = node.get("fields")
        if not isinstance(nodes, dict):
            raise SchemaError(node.where(), struct.full + " has no fields", "add `fields:` ({} if there are none)")
        if len(nodes) > FIELDS_MAX:
            raise SchemaError(node.where("fields"), "more than {} fields".format(FIELDS_MAX), "split the message")
        for name, field in nodes.items():
            struct.fields.append(self.field(family, struct, self.name(nodes, name), field, nodes.where(name)))
        names = {field.name for field in struct.fields}
        for field in struct.fields:
            if "has_" + field.name in names:
                raise SchemaError(field.where, "has_{0} would meet the presence of {0}".format(field.name), "rename one")

    def field(self, family, struct, name, node, where):
        what = "{}.{}".format(struct.full, name)
        if not isinstance(node, Map):
            raise SchemaError(where, what + " must be a map", "write {type: ..., doc: ...}")
        self.keys(node, self.FIELD_KEYS, what)
        text = str(self.need(node, "type", what)).replace(" ", "")
        presence = "defaulted" if "default" in node else "mandatory"
        if text.startswith("optional<") and text.endswith(">"):
            if presence == "defaulted":
                raise SchemaError(where, what + " is optional and has a default", "keep one of the two")
            presence, text = "optional", text[len("optional<"):-1]
        kind = self.type(family, text, where)
        if kind.kind in ("struct", "union", "value", "attachment", "uuid") and presence == "defaulted":
            raise SchemaError(where, what + ": this type takes no default", "make it optional<...>")
        self.constrain(kind, node, where, what)
        field = Field(name, kind, presence, node.get("default"), node.get("unit", ""),
                      self.need(node, "doc", what).strip(), node.get("since", 1), where, node.get("stamped", False))
        if presence == "defaulted":
            self.check_default(field, what)
        return field

    def type(self, family, text, where):
        match = re.fullmatch(r"array<(.*?)(?:,(\d+))?>", text)
        if match and text.count("<") == text.count(">"):
            item = self.type(family, match[1], where)
            if match[2]:
                return Type("fixed", item=item, min=int(match[2]), max=int(match[2]))
            return Type("array", item=item)
        match = re.fullmatch(r"map<str,(.*)>", text)
        if match:
            return Type("map", item=self.type(family, match[1], where))
        if text in SCALARS or (text == "id" and family.name == "envelope"):
            return Type(text)
        other, _, name = text.rpartition(".")
        owner = self.families.get(other) if other else family
        for kind in ("enum", "struct", "union"):
            found = getattr(owner, kind + "s").get(name) if owner else None
            if found:
                if owner is not family:
                    family.uses.add(owner.name)
                return Type(kind, ref=found)
        raise SchemaError(where, "unknown type '{}'".format(text), "use one of {}, or declare it".format(", ".join(SCALARS)))

    def constrain(self, kind, node, where, what):
        """min, max and above speak of the value, of its length, or of the number of items; item: of what is inside."""
        low, high, above = node.get("min"), node.get("max"), node.get("above")
        if kind.kind in ("array", "map", "fixed") and "item" in node:
            self.constrain(kind.item, node["item"], where, what)
        elif kind.kind in ("array", "map", "fixed"):
            self.constrain(kind.item, Map(), where, what) if kind.item.kind in ("array", "map", "str", "bytes") else None
        if isinstance(high, str):
            if high not in self.limits:
                raise SchemaError(where, "unknown limit '{}'".format(high), "name one of limits.yaml")
            kind.limit, high = high, self.limits[high]["value"]
        if kind.kind in ("str", "bytes", "array", "map"):
            if high is None:
                raise SchemaError(where, what + " is unbounded", "add max: (of items: item: {max: ...})")
            kind.min, kind.max = low or 0, high
        elif kind.kind in UINTS or kind.kind in INTS:
            bits = UINTS.get(kind.kind) or INTS[kind.kind]
            lowest, highest = (0, 2**bits - 1) if kind.kind in UINTS else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
            kind.min, kind.max = lowest if low is None else low, highest if high is None else high
            if kind.min < lowest or kind.max > highest or kind.min > kind.max:
                raise SchemaError(where, what + ": range does not fit " + kind.kind, "mend min and max")
        elif kind.kind in FLOATS:
            kind.above = above is not None
            kind.min, kind.max = above if kind.above else low, high
        elif kind.kind == "fixed":
            for nested in ([kind.item] if kind.item.min is None else []):
                self.constrain(nested, Map(), where, what)
        elif low is not None or high is not None or above is not None:
            raise SchemaError(where, what + ": {} takes no range".format(kind.kind), "remove min, max, above")
        if kind.kind in ("array", "map") and kind.item.min is None and (kind.item.kind in UINTS or kind.item.kind in INTS):
            self.constrain(kind.item, Map(), where, what)

    def check_default(self, field, what):
        value, kind = field.default, field.type
        fits = {"bool": lambda: isinstance(value, bool), "str": lambda: isinstance(value, str),
                "bytes": lambda: isinstance(value, bytes), "enum": lambda: value in kind.ref.values,
                "array": lambda: value == [] and kind.min == 0, "map": lambda: value == {} and kind.min == 0,
                "fixed": lambda: isinstance(value, list) and len(value) == kind.max}.get(kind.kind)
        if fits is None:
            fits = lambda: isinstance(value, (int, float)) and not isinstance(value, bool)  # noqa: E731
        if not fits():
            raise SchemaError(field.where, "{}: default {!r} does not fit {}".format(what, value, kind.text),
                              "mend it (a list's default can only be empty)")

    def envelope(self, document):
        """The envelope is one struct outside the families, with ids and with fields that the broker stamps."""
        self.keys(document, {"doc", "fields", "samples", "rejects"}, "envelope")
        struct = Struct("envelope", "envelope", self.need(document, "doc", "envelope").strip(), document.where())
        self.fields(Family("envelope", "", "", document.path), struct, document)
        struct.samples, struct.rejects = document.get("samples") or [], document.get("rejects") or []
        return struct

    def check_cycles(self):
        """A shape may not hold itself, or its C struct would never end."""
        state = {}

        def visit(shape):
            if state.get(shape.full) == "open":
                raise SchemaError(shape.where, shape.full + " holds itself", "use `value` for the inner one")
            if state.get(shape.full) == "done":
                return
            state[shape.full] = "open"
            for part in shape.variants.values() if isinstance(shape, Union) else [shape]:
                for field in part.fields:
                    kind = field.type
                    while kind.item:
                        kind = kind.item
                    if kind.kind in ("struct", "union"):
                        visit(kind.ref)
            state[shape.full] = "done"

        for family in self.families.values():
            for shape in [*family.structs.values(), *family.unions.values(), *family.messages.values()]:
                visit(shape)

    def in_order(self):
        order, doing = {}, set()

        def visit(family):
            if family.name in order:
                return
            if family.name in doing:
                raise SchemaError(family.path + ":1", "families use each other in a ring", "move the shared shape to common.yaml")
            doing.add(family.name)
            for other in sorted(family.uses):
                visit(self.families[other])
            order[family.name] = family

        for name in sorted(self.families):
            visit(self.families[name])
        return order


NOT_FAMILIES = ("errors.yaml", "operations.yaml", "limits.yaml", "envelope.yaml", "frames.yaml")


def load_model(folder):
    """Read and check all of schemas/. Raises SchemaError."""
    def read(name):
        return load(folder / name, "schemas/" + name)

    errors, operations, limits = read("errors.yaml")["errors"], read("operations.yaml"), read("limits.yaml")["limits"]
    documents = [read(path.name) for path in sorted(folder.glob("*.yaml")) if path.name not in NOT_FAMILIES]
    builder = Builder(documents, limits)
    families = builder.build()
    return Model(families, limits, errors, operations, builder.envelope(read("envelope.yaml")), read("frames.yaml"))
