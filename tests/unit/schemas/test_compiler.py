"""The schema compiler: it refuses bad YAML by file, line and fix, and incompatible changes by name."""

import json
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
COMPILER = ROOT / "schemas" / "compiler"

BASE = """\
family: demo
channel: demo
doc: A family to change.
enums:
  colour:
    doc: A colour.
    values:
      red: "Red."
      blue: "Blue."
structs:
  pair:
    doc: Two numbers.
    fields:
      a: {type: u8, max: 9, doc: "First."}
      b: {type: u8, default: 1, doc: "Second."}
unions:
  way:
    doc: How.
    variants:
      fast: {doc: "Fast.", fields: {}}
      slow:
        doc: Slow.
        fields:
          by: {type: f64, min: 0, max: 1, doc: "How slow."}
types:
  ask:
    doc: A question.
    since: 1
    reply: [demo.answer]
    fields:
      text: {type: str, max: 10, doc: "What."}
      colour: {type: colour, default: red, doc: "In which colour."}
      pairs: {type: array<pair>, max: 4, default: [], doc: "Numbers."}
      way: {type: optional<way>, doc: "How."}
      size: {type: "array<u32,2>", default: [0, 0], doc: "Size."}
    samples:
      - {text: "t"}
  answer:
    doc: An answer.
    since: 1
    fields: {}
    samples:
      - {}
"""


def folder(tmp_path, name, text=BASE):
    """A schemas folder with the demo family beside the house's fixed files."""
    path = tmp_path / name
    path.mkdir()
    for fixed in ("errors", "operations", "limits", "envelope", "frames"):
        shutil.copy(ROOT / "schemas" / (fixed + ".yaml"), path)
    (path / "demo.yaml").write_text(text)
    return path


def run(*arguments):
    return subprocess.run([sys.executable, str(COMPILER), *map(str, arguments)], capture_output=True, text=True, check=False)


def changed(old, new):
    assert old in BASE
    return BASE.replace(old, new, 1)


INCOMPATIBLE = [
    ("removed field", changed('      text: {type: str, max: 10, doc: "What."}\n', "").replace('{text: "t"}', "{}"), "ask.text is gone"),
    ("renamed field", changed("      text: {", "      words: {").replace('{text: "t"}', '{words: "t"}'), "ask.text is gone or renamed"),
    ("removed message", changed("  answer:", "  reply_to:").replace("demo.answer", "demo.reply_to"), "demo.answer is gone"),
    ("changed type", changed("text: {type: str, max: 10", "text: {type: bytes, max: 10").replace('text: "t"', 'text: !bin "00"'), "changed its type"),
    ("changed integer", changed("a: {type: u8, max: 9", "a: {type: u16, max: 9"), "changed its type"),
    ("narrowed length", changed("max: 10", "max: 9"), "no longer takes the highest"),
    ("narrowed number", changed("a: {type: u8, max: 9", "a: {type: u8, max: 8"), "no longer takes the highest"),
    ("raised minimum", changed("a: {type: u8, max: 9", "a: {type: u8, min: 1, max: 9"), "no longer takes the lowest"),
    ("narrowed fraction", changed("min: 0, max: 1", "min: 0.5, max: 1"), "no longer takes the lowest"),
    ("new mandatory field", changed("      text: {", '      extra: {type: bool, doc: "More."}\n      text: {').replace('{text: "t"}', '{text: "t", extra: true}'),
     "new and mandatory"),
    ("optional made mandatory", changed("optional<way>", "way").replace('{text: "t"}', '{text: "t", way: {kind: fast}}'), "was optional and is mandatory"),
    ("changed default", changed("default: 1,", "default: 2,"), "changed its default"),
    ("enum value removed", changed('      red: "Red."\n', "").replace("default: red", "default: blue"), "lost or moved a value"),
    ("variant removed", changed('      fast: {doc: "Fast.", fields: {}}\n', ""), "lost or moved a variant"),
    ("fields reordered", changed('      a: {type: u8, max: 9, doc: "First."}\n      b: {type: u8, default: 1, doc: "Second."}\n',
                                 '      b: {type: u8, default: 1, doc: "Second."}\n      a: {type: u8, max: 9, doc: "First."}\n'), "another order"),
    ("reply removed", changed("    reply: [demo.answer]\n", ""), "no longer answered"),
    ("length of a fixed array", changed('"array<u32,2>", default: [0, 0]', '"array<u32,3>", default: [0, 0, 0]'), "changed its length"),
    ("family moved", changed("channel: demo", "channel: other"), "moved to another channel"),
]


@pytest.mark.parametrize("new, says", [pytest.param(new, says, id=name) for name, new, says in INCOMPATIBLE])
def test_an_incompatible_change_is_refused_by_name(tmp_path, new, says):
    result = run("compat", folder(tmp_path, "old"), folder(tmp_path, "new", new))
    assert result.returncode == 1
    assert says in result.stdout, result.stdout + result.stderr


COMPATIBLE = [
    ("nothing", BASE),
    ("new optional field", changed("      text: {", '      extra: {type: optional<bool>, doc: "More."}\n      text: {')),
    ("new field with a default", changed("      text: {", '      extra: {type: u8, default: 3, doc: "More."}\n      text: {')),
    ("wider range", changed("max: 10", "max: 11")),
    ("other prose", changed("A question.", "A good question.")),
    ("appended enum value", changed('      blue: "Blue."\n', '      blue: "Blue."\n      green: "Green."\n')),
    ("new message", BASE + "  more:\n    doc: More.\n    since: 2\n    fields: {}\n    samples:\n      - {}\n"),
]


@pytest.mark.parametrize("new", [pytest.param(new, id=name) for name, new in COMPATIBLE])
def test_a_compatible_change_passes(tmp_path, new):
    result = run("compat", folder(tmp_path, "old"), folder(tmp_path, "new", new))
    assert (result.returncode, result.stdout) == (0, ""), result.stdout + result.stderr


def test_an_error_number_is_for_ever(tmp_path):
    old, new = folder(tmp_path, "old"), folder(tmp_path, "new")
    text = (new / "errors.yaml").read_text()
    (new / "errors.yaml").write_text(text.replace("code: 300", "code: 399"))
    result = run("compat", old, new)
    assert result.returncode == 1
    assert "error FULL" in result.stdout


BAD = [
    ("unknown type", changed("type: u8, max: 9", "type: u9, max: 9"), 14, "unknown type 'u9'"),
    ("field without prose", changed(', doc: "First."', ""), 14, "has no doc"),
    ("unbounded text", changed("text: {type: str, max: 10,", "text: {type: str,"), 31, "is unbounded"),
    ("unknown key", changed("max: 10", "maximum: 10"), 31, "unknown key 'maximum'"),
    ("reply that does not exist", changed("[demo.answer]", "[demo.nothing]"), 29, "is no message"),
    ("range that does not fit", changed("max: 9", "max: 256"), 14, "range does not fit u8"),
    ("name that is a keyword", changed("      a: {", "      class: {"), 14, "is no name"),
    ("default that does not fit", changed("default: red", "default: pink"), 32, "does not fit"),
    ("optional with a default", changed("optional<way>,", "optional<way>, default: 1,"), 34, "is optional and has a default"),
    ("the same key twice", changed('      blue: "Blue."', '      red: "Blue."'), 9, "twice"),
    ("no samples", changed('    samples:\n      - {text: "t"}\n', ""), 26, "has no samples"),
    ("a struct that holds itself", changed("b: {type: u8, default: 1,", "b: {type: array<pair>, max: 2,"), 11, "holds itself"),
    ("broken YAML", changed("doc: A family", "doc: : A family"), 3, ""),
]


@pytest.mark.parametrize("text, line, says", [pytest.param(text, line, says, id=name) for name, text, line, says in BAD])
def test_bad_yaml_is_refused_with_file_line_and_fix(tmp_path, text, line, says):
    result = run("--schemas", folder(tmp_path, "bad", text), "check")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith("schemas/demo.yaml:{}:".format(line)), result.stderr
    assert says in result.stderr and "; " in result.stderr


def test_a_sample_that_does_not_fit_is_refused(tmp_path):
    result = run("--schemas", folder(tmp_path, "bad", changed('{text: "t"}', '{txet: "t"}')), "check")
    assert result.returncode == 1
    assert "unknown fields ['txet']" in result.stderr


def test_the_hash_depends_on_the_wire_and_not_on_prose(tmp_path):
    def hash_of(name, text):
        return dict(reversed(line.split()) for line in run("--schemas", folder(tmp_path, name, text), "hash").stdout.splitlines())["demo"]

    first = hash_of("one", BASE)
    assert len(first) == 8
    assert hash_of("two", changed("A question.", "Another.")) == first
    assert hash_of("three", changed("max: 10", "max: 11")) != first


def test_vectors_are_json_with_one_row_per_line():
    for path in (ROOT / "schemas" / "vectors").glob("*.json"):
        assert json.loads(path.read_text())["vectors"], path.name


def test_generated_files_are_up_to_date():
    result = run("gen", "--check")
    assert result.returncode == 0, result.stdout


def test_the_schemas_follow_the_released_ones():
    result = run("compat", ROOT / "schemas" / "baseline.json", ROOT / "schemas")
    assert result.returncode == 0, result.stdout


def test_the_python_in_the_wire_document_compiles():
    text = (ROOT / "docs" / "wire.md").read_text()
    blocks = text.split("```python\n")[1:]
    assert blocks
    for block in blocks:
        compile(block.split("```")[0], "wire.md", "exec")
