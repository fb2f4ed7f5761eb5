"""Is every rule of tests/RULES.md shown by tests that exist?

usage: rules.py TESTS-FOLDER

SPDX-License-Identifier: MIT
"""

import pathlib
import re
import sys

RULES = [f"F{n}" for n in range(1, 8)] + [str(n) for n in range(1, 55)]


def tests_of(cell):
    """`folder/file.c: name, name`, several of them separated by semicolons."""
    for file, names in re.findall(r"`([^`:]+): ([^`]+)`", cell):
        for name in names.split(", "):
            yield file, name


def main():
    here = pathlib.Path(sys.argv[1])
    rows = [line.strip("|\n ").split(" | ") for line in (here / "RULES.md").read_text().splitlines() if re.match(r"\| F?\d", line)]
    wrong = [f"{rule}: no row" for rule in RULES if rule not in [row[0] for row in rows]]
    for rule, _, cell in rows:
        named = list(tests_of(cell))
        if not named and cell != "every row below":
            wrong.append(f"{rule}: no test")
        for file, name in named:
            path = here / file
            if not path.exists():
                wrong.append(f"{rule}: there is no {file}")
            elif not re.search(rf"\b(void|def) {re.escape(name)}\(", path.read_text()):
                wrong.append(f"{rule}: {file} has no {name}")
    print("\n".join(wrong) or f"{len(rows)} rules are shown")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
