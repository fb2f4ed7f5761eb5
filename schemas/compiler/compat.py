"""Compare two canonical forms and name every change that would break a peer of the older one."""


def compare(old, new):
    """A list of sentences, empty if NEW may follow OLD."""
    out = []
    for name, family in old["families"].items():
        if name not in new["families"]:
            out.append("family {} is gone; keep it".format(name))
            continue
        compare_family(name, family, new["families"][name], out)
    compare_fields("envelope", old["envelope"], new["envelope"], out)
    for name, row in old["errors"].items():
        if new["errors"].get(name) != row:
            out.append("error {} changed or is gone: numbers and names are for ever; append a new one instead".format(name))
    for name, kind in old["keys"].items():
        if new["keys"].get(name) != kind:
            out.append("header key {} changed its type or is gone; add a new key instead".format(name))
    for name, keys in old["operations"].items():
        lost = keys if name not in new["operations"] else [key for key in keys if key not in new["operations"][name]]
        if lost:
            out.append("operation {} lost {}; keep it".format(name, ", ".join(lost)))
    for name in old["admin"]:
        if name not in new["admin"]:
            out.append("operation admin.{} is gone; keep it".format(name))
    for name, value in old["limits"].items():
        if new["limits"].get(name, -1) < value:
            out.append("limit {} fell below {}: what was legal would be refused; keep it".format(name, value))
    return out


def compare_family(name, old, new, out):
    if old["channel"] != new["channel"]:
        out.append("family {} moved to another channel; keep `channel: {}`".format(name, old["channel"]))
    for key, values in old["enums"].items():
        where = "enum {}.{}".format(name, key)
        if key not in new["enums"]:
            out.append(where + " is gone; keep it")
        elif new["enums"][key][:len(values)] != values:
            out.append(where + " lost or moved a value; only append")
    for key, fields in old["structs"].items():
        compare_shape("struct {}.{}".format(name, key), key, fields, new["structs"], out)
    for key, variants in old["unions"].items():
        where = "union {}.{}".format(name, key)
        if key not in new["unions"]:
            out.append(where + " is gone; keep it")
            continue
        if [one["name"] for one in new["unions"][key][:len(variants)]] != [one["name"] for one in variants]:
            out.append(where + " lost or moved a variant; only append")
            continue
        for one, other in zip(variants, new["unions"][key]):
            compare_fields("{}.{}".format(where, one["name"]), one["fields"], other["fields"], out)
    for key, message in old["types"].items():
        where = "message {}.{}".format(name, key)
        if key not in new["types"]:
            out.append(where + " is gone or renamed; keep it, add a new one beside it")
            continue
        other = new["types"][key]
        for reply in message["reply"]:
            if reply not in other["reply"]:
                out.append("{} is no longer answered by {}; keep the reply".format(where, reply))
        if other["since"] != message["since"]:
            out.append("{} changed `since`; it is history, keep {}".format(where, message["since"]))
        compare_fields(where, message["fields"], other["fields"], out)


def compare_shape(where, key, fields, others, out):
    if key not in others:
        out.append(where + " is gone or renamed; keep it")
    else:
        compare_fields(where, fields, others[key], out)


def compare_fields(where, old, new, out):
    by_name = {field["name"]: field for field in new}
    known = {field["name"] for field in old}
    for field in old:
        name = "{}.{}".format(where, field["name"])
        other = by_name.get(field["name"])
        if other is None:
            out.append(name + " is gone or renamed; keep it, add a new field beside it")
            continue
        compare_type(name, field["type"], other["type"], out)
        if field["presence"] != other["presence"]:
            out.append("{} was {} and is {}; keep it".format(name, field["presence"], other["presence"]))
        elif field.get("default") != other.get("default"):
            out.append("{} changed its default, which peers do not send; keep {!r}".format(name, field.get("default")))
    for field in new:
        if field["name"] not in known and field["presence"] == "mandatory":
            out.append("{}.{} is new and mandatory, which older peers do not send; make it optional<...>".format(where, field["name"]))
    kept = [field["name"] for field in new if field["name"] in known]
    if kept != [field["name"] for field in old if field["name"] in by_name]:
        out.append(where + " has its fields in another order, which changes the canonical encoding; keep the order")


def compare_type(name, old, new, out):
    if (old["kind"], old.get("ref")) != (new["kind"], new.get("ref")):
        out.append("{} changed its type from {} to {}; add a new field instead".format(
            name, old.get("ref", old["kind"]), new.get("ref", new["kind"])))
        return
    if old["kind"] == "fixed" and old["max"] != new["max"]:
        out.append("{} changed its length from {} to {}; add a new field instead".format(name, old["max"], new["max"]))
    if "item" in old:
        compare_type(name + " (item)", old["item"], new["item"], out)
    low, new_low, high, new_high = old.get("min"), new.get("min"), old.get("max"), new.get("max")
    if (new_low is not None and (low is None or new_low > low)) or (new.get("above") and not old.get("above") and new_low == low):
        out.append("{} no longer takes the lowest values it took; keep its range".format(name))
    if new_high is not None and (high is None or new_high < high):
        out.append("{} no longer takes the highest values it took; keep its range".format(name))
