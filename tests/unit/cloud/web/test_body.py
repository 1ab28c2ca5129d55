import math
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from magecluster.cloud.errors import BadRequestError, InvalidRequestError
from magecluster.cloud.web.body import MOST_DEPTH, parsed
from magecluster.cloud.web.wire.clusters import ClusterPut
from magecluster.cloud.web.wire.sessions import SessionPost
from magecluster.cloud.web.wire.tokens import TokenPost

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below, max_size=3),
)


def nested(depth: int) -> bytes:
    return b'{"cluster": {"config": ' + b'{"a":' * depth + b"1" + b"}" * depth + b"}}"


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"1", b"null", b'"x"', b'{"a": NaN}', b"\xff", b'{"a": "\\ud800"}'])
def test_what_is_no_json_object_is_a_bad_request(text: bytes) -> None:
    with pytest.raises(BadRequestError):
        parsed(text, ClusterPut)


def test_a_body_may_be_deep_and_not_deeper() -> None:
    parsed(nested(MOST_DEPTH - 2), ClusterPut)
    for depth in (MOST_DEPTH - 1, 400):
        with pytest.raises(BadRequestError, match="nested deeper"):
            parsed(nested(depth), ClusterPut)


def test_every_wrong_field_is_named_and_no_value_is_quoted() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parsed(b'{"session": {"email": 17, "pasword": "s3cret"}}', SessionPost)
    assert caught.value.fields == {
        "session.email": "input should be a valid string",
        "session.password": "is missing",
        "session.pasword": "is not known",
    }
    assert "s3cret" not in str(caught.value.body())


def test_names_of_scopes_are_read_and_others_refused() -> None:
    sent = {"token": {"name": "ci", "scopes": ["clusters:read"]}}
    assert parsed(orjson.dumps(sent), TokenPost) == TokenPost.model_validate(sent)
    sent["token"]["scopes"] = ["clusters:everything"]
    with pytest.raises(InvalidRequestError) as caught:
        parsed(orjson.dumps(sent), TokenPost)
    assert list(caught.value.fields) == ["token.scopes.0"]


def test_numbers_beyond_those_of_kubernetes_become_no_integers() -> None:
    body = parsed(b'{"cluster": {"config": {"replicaCount": 1180591620717411303424}}}', ClusterPut)
    assert isinstance(body, ClusterPut)
    assert body.cluster.config == {"replicaCount": math.ldexp(1, 70)}


def test_a_cluster_may_be_sent_back_as_it_was_read() -> None:
    read = {"id": "a", "state": "Active", "conditions": [], "config": {}, "status": "Active", "uuid": "x"}
    body = parsed(orjson.dumps({"cluster": read}), ClusterPut)
    assert isinstance(body, ClusterPut)
    assert body.cluster.model_dump() == {"config": {}, "status": "Active"}


@given(JSON)
def test_whatever_is_sent_is_read_or_refused(body: Any) -> None:
    for kind in (ClusterPut, SessionPost, TokenPost):
        with suppress(BadRequestError, InvalidRequestError):
            parsed(orjson.dumps(body), kind)
