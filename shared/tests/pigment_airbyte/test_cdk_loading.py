"""Loading quickly leaves everything as it was; each case in an interpreter of its own, which loads the CDK again."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

LOOK = """
import gc, json
from contextlib import nullcontext
import attributes_doc

real, asked = attributes_doc.get_attributes_doc, []
attributes_doc.get_attributes_doc = lambda cls: asked.append(cls.__name__) or real(cls)
from pigment_airbyte.cdk_loading import loading_quickly
with {context}:
    from airbyte_cdk.models import AirbyteMessage, AirbyteMessageSerializer, Type
asked_while_loading = list(asked)
import serpyco_rs
serpyco_rs.Serializer(AirbyteMessage)
message = AirbyteMessageSerializer.load({{"type": "SPEC", "spec": {{"connectionSpecification": {{"a": [1, None]}}}}}})
dumped = AirbyteMessageSerializer.dump(message)
print(json.dumps([asked_while_loading, "AirbyteMessage" in asked, gc.isenabled(), dumped]))
"""


def look(context: str) -> list[Any]:
    done = subprocess.run([sys.executable, "-c", LOOK.format(context=context)], capture_output=True, check=True)
    found: list[Any] = json.loads(done.stdout)
    return found


def test_the_cdk_still_reads_doc_strings_of_the_protocol_unless_it_is_kept_from_it() -> None:
    """Fails when the CDK or serpyco_rs has changed underneath: then `loading` must be looked at again, or may go."""
    plainly, quickly = look("nullcontext()"), look("loading_quickly()")

    assert "AirbyteMessage" in plainly[0]
    assert quickly == [[], True, True, plainly[3]]


def test_another_serpyco_is_left_alone() -> None:
    code = (
        "import sys, serpyco_rs._describe as describe\n"
        "del describe.get_attributes_doc\n"
        "sys.modules['serpyco_rs._json_schema._convert'] = None\n"
        "from pigment_airbyte.cdk_loading import loading_quickly\n"
        "with loading_quickly(): pass\n"
        "assert not hasattr(describe, 'get_attributes_doc')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


EDGES = """
import resource
from pigment_airbyte.cdk_loading import call_with_room

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def call_at_each_depth(depth, most):
    before = faults()
    for _ in range(300):
        (lambda: None)()
    most = max(most, faults() - before)
    return call_at_each_depth(depth - 1, most) if depth else most

{call}(lambda: print(call_at_each_depth(400, 0)))
"""


@pytest.mark.parametrize(("call", "edges"), [("(lambda call: call())", True), ("call_with_room", False)])
def test_only_without_room_do_calls_at_some_depth_take_memory_from_the_kernel_each_time(call: str, edges: bool) -> None:
    """If there are no such depths without room either, CPython has changed, and `call_with_room` may go."""
    done = subprocess.run([sys.executable, "-c", EDGES.format(call=call)], capture_output=True, check=True)
    assert (int(done.stdout) > 150) == edges
