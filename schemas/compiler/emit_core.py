"""Emit what core/ needs from errors.yaml and operations.yaml: X-macro lists, no prose, no logic."""


def emit_errors(model):
    rows = []
    for row in model["errors"]:
        rows.append('    X({name}, {code}, "{text}", \'{retry}\')'.format(**row))
    return "#define STRATO_ERRORS(X) \\\n" + " \\\n".join(rows) + "\n"


def emit_operations(model):
    kinds = {"uint": "U", "bool": "B", "str": "S", "raw": "R"}
    keys = ['    X({}, {})'.format(name, kinds[key["type"]]) for name, key in model["keys"].items()]
    ops = ['    X({}, {:d})'.format(op["name"], op["carries"]) for op in model["operations"]]
    admin = ['    X({}, "admin.{}")'.format(op["name"].replace(".", "_"), op["name"]) for op in model["admin"]]
    return (
        "#define STRATO_HEADER_KEYS(X) \\\n" + " \\\n".join(keys) + "\n\n"
        "#define STRATO_OPERATIONS(X) \\\n" + " \\\n".join(ops) + "\n\n"
        "#define STRATO_ADMIN_OPERATIONS(X) \\\n" + " \\\n".join(admin) + "\n"
    )


def emit_limits(limits):
    rows = ["#define STRATO_LIMIT_{} {} /* {}: {} */\n".format(name.upper(), row["value"], row["unit"], row["doc"]) for name, row in limits.items()]
    return "".join(rows)
