"""The golden vectors through the generated Python classes."""

import base64
import json
import math
import pathlib
import uuid

import pytest

from stratoswarm import messages
from stratoswarm.messages import Attachment, CodecError, SchemaError, WireError

VECTORS = pathlib.Path(__file__).resolve().parents[3] / "schemas" / "vectors"


def rows(name):
    for family in sorted(messages.HASHES):
        for number, row in enumerate(json.loads((VECTORS / (family + ".json")).read_text())[name]):
            yield pytest.param(row, id="{}-{}-{}".format(row["type"], number, row.get("why", "")))


def revive(value):
    """What the JSON of a vector means."""
    if isinstance(value, dict):
        if set(value) == {"$bin"}:
            return base64.b64decode(value["$bin"])
        if set(value) == {"$float"}:
            return float(value["$float"])
        return {key: revive(one) for key, one in value.items()}
    return [revive(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("row", rows("vectors"))
def test_a_vector_round_trips_byte_exactly_and_means_its_value(row):
    cls, data = messages.MESSAGES[row["type"]], bytes.fromhex(row["hex"])
    message = cls.decode(data)
    assert message.encode() == data
    assert cls.from_dict(revive(row["value"])) == message


@pytest.mark.parametrize("row", rows("accept"))
def test_an_accept_row_is_read_and_written_canonically(row):
    message = messages.MESSAGES[row["type"]].decode(bytes.fromhex(row["hex"]))
    assert message.encode().hex() == row["canonical"]


@pytest.mark.parametrize("row", rows("reject"))
def test_a_reject_row_gets_its_named_error(row):
    with pytest.raises(WireError) as caught:
        messages.MESSAGES[row["type"]].decode(bytes.fromhex(row["hex"]))
    assert caught.value.name == "E_" + row["error"], str(caught.value)


def test_every_message_has_a_vector():
    assert {param.values[0]["type"] for param in rows("vectors")} == set(messages.MESSAGES)


def test_what_a_peer_would_refuse_is_not_encoded():
    with pytest.raises(SchemaError) as caught:
        messages.EfficiencyEfficiencyUpdate(cpu_efficiency=1.5, gpu_efficiency=0.0, memory_efficiency=0.0).encode()
    assert caught.value.field == "cpu_efficiency"


def test_the_innermost_field_at_fault_is_named():
    with pytest.raises(SchemaError) as caught:
        messages.EvolutionSelection.from_dict({"strategy": {"kind": "tournament", "size": 0}, "count": 1})
    assert caught.value.field == "size"


def test_python_values_travel_as_their_wire_kinds():
    name = uuid.UUID(int=7)
    message = messages.EvolutionInject(individuals=[messages.EvolutionIndividual(id=name, genome=[1, math.inf])])
    again = messages.EvolutionInject.decode(message.encode())
    assert again.individuals[0].id == name
    assert again.individuals[0].genome == [1.0, math.inf]
    assert messages.KnowledgeStore(key="k", value=Attachment(3)).encode().endswith(b"\x03")


def test_text_that_is_not_utf_8_survives():
    data = b"\x81\xa7task_id\xa1\xff"
    assert messages.SchedulerCancelTask.decode(data).encode() == data


def test_depth_32_is_read_and_33_refused():
    assert messages.GpuSynchronize.decode(b"\x81\xa2zz" + b"\x91" * 31 + b"\x01") == messages.GpuSynchronize()
    with pytest.raises(CodecError):
        messages.GpuSynchronize.decode(b"\x81\xa2zz" + b"\x91" * 32 + b"\x01")


def test_a_named_limit_holds_exactly_and_is_e_limit_one_past_it():
    limit = messages.LIMITS["kernel_source_bytes"]
    messages.GpuBuildProgram(source="x" * limit).encode()
    with pytest.raises(messages.LimitError):
        messages.GpuBuildProgram(source="x" * (limit + 1)).encode()
