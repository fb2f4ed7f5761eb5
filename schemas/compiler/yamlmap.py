"""Read YAML and remember where everything stood, so that every complaint can name file and line."""

import re

import yaml


class SchemaError(Exception):
    """What is wrong, where, and how to mend it."""

    def __init__(self, where, problem, fix):
        super().__init__("{}: {}; {}".format(where, problem, fix))


class Map(dict):
    """A mapping that knows its file, its line, and the line of each key."""

    path = ""
    line = 0
    lines = {}

    def where(self, key=None):
        return "{}:{}".format(self.path, self.lines.get(key, self.line))


class _Loader(yaml.SafeLoader):
    """SafeLoader with line numbers, `!bin 00ff` for bytes, and no duplicate keys."""


def _map(loader, node):
    result = Map()
    result.path, result.line, result.lines = loader.strato_path, node.start_mark.line + 1, {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        line = key_node.start_mark.line + 1
        if key in result:
            raise SchemaError("{}:{}".format(loader.strato_path, line), "key '{}' is there twice".format(key), "remove one")
        result[key] = loader.construct_object(value_node, deep=True)
        result.lines[key] = line
    return result


def _bin(loader, node):
    try:
        return bytes.fromhex(loader.construct_scalar(node))
    except ValueError:
        where = "{}:{}".format(loader.strato_path, node.start_mark.line + 1)
        raise SchemaError(where, "!bin takes hex digits", "write pairs of 0-9 and a-f") from None


_Loader.add_constructor("tag:yaml.org,2002:map", _map)
_Loader.add_constructor("!bin", _bin)
# Only true and false are booleans: YAML 1.1 also turns on, off, yes and no into them, and `off` is a field of ours.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, regex) for tag, regex in pairs if tag != "tag:yaml.org,2002:bool"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))


def load(path, name=None):
    """The document of a file as Maps, lists and scalars."""
    name = name or str(path)
    with open(path, encoding="utf-8") as file:
        loader = _Loader(file)
        loader.strato_path = name
        try:
            return loader.get_single_data()
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 0
            raise SchemaError("{}:{}".format(name, line), error.problem or "not YAML", "check indentation and quotes") from None
        finally:
            loader.dispose()
