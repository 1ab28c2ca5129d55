import base64
import zlib
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.support.cloud import KEY, config_of, env, put, stored

from magecluster.cloud.config.fields import Path
from magecluster.cloud.config.revision import Digester, Revision
from magecluster.cloud.errors import InvalidRevisionError

DIGESTER = Digester(KEY, "c-1")
NUMBERS = st.integers(-(2**63), 2**63 - 1)
"""As Kubernetes has them."""
VALUES = st.booleans() | NUMBERS | st.text(max_size=9) | st.lists(st.text(max_size=5), max_size=2)
PATHS: st.SearchStrategy[Path] = st.lists(st.text(max_size=4), min_size=1, max_size=3).map(tuple)
LEAVES = st.dictionaries(PATHS, VALUES, max_size=5)


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def text_of(leaves: dict[Path, Any], digester: Digester = DIGESTER) -> str:
    return Revision.of(leaves, digester).text()


@given(LEAVES, PATHS, st.none() | VALUES)
def test_it_holds_what_was_read_and_nothing_else(leaves: dict[Path, Any], path: Path, value: Any) -> None:
    read = Revision.parse(text_of(leaves), DIGESTER)
    assert all(read.holds(known, there) and not read.holds(known, None) for known, there in leaves.items())
    same = type(value) is type(leaves.get(path)) and value == leaves.get(path)
    assert read.holds(path, value) == same


@given(LEAVES, LEAVES)
def test_it_says_the_same_for_the_same_and_another_for_another(one: dict[Path, Any], other: dict[Path, Any]) -> None:
    assert text_of(one) == text_of(dict(reversed(one.items())))
    assert (text_of(one) == text_of(other)) == (repr(sorted(one.items())) == repr(sorted(other.items())))


@given(st.text(min_size=1, max_size=30))
def test_equal_values_look_different_in_two_fields_and_in_two_clusters(value: str) -> None:
    def records(digester: Digester) -> set[bytes]:
        return set(Revision.of({("a",): value, ("b",): value}, digester).values.values())

    assert len(records(DIGESTER) | records(Digester(KEY, "c-2")) | records(Digester(b"x" * 32, "c-1"))) == 6


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=5, max_size=40))
def test_no_value_can_be_read_from_it(value: str) -> None:
    assume(value.strip("*"))
    live = stored(extraEnvs=[env("X", value), env("LONG_NAME_OF_A_VARIABLE", "x")], nodeSelector={"pool": value})
    revision = config_of(live)["revision"]
    for form in (revision.encode(), raw(revision)):
        for hidden in (value.encode(), value.encode("utf-16-le"), base64.b64encode(value.encode()), b"LONG_NAME"):
            assert hidden not in form
    with pytest.raises(zlib.error):
        zlib.decompress(raw(revision))


def test_a_guess_cannot_be_checked_without_the_key() -> None:
    """Digests of two servers have nothing in common, though cluster, path and value are the same and easy to guess."""
    mine, theirs = (raw(text_of({("replicaCount",): 1}, Digester(key, "c-1"))) for key in (KEY, b"y" * 32))
    assert len(mine) == len(theirs) == 1 + 8 + 6 + 8 + 16
    assert all(mine[part] != theirs[part] for part in (slice(1, 9), slice(9, 15), slice(15, 23)))


def test_it_stays_small() -> None:
    variables = [env(f"VARIABLE_{number}", "x" * 1000) for number in range(40)]
    assert len(config_of(stored(extraEnvs=variables))["revision"]) < 1500
    variables = [env(f"VARIABLE_{number}", "x") for number in range(500)]
    assert len(config_of(stored(extraEnvs=variables))["revision"]) < 10_000


@given(st.data())
def test_a_changed_one_is_refused(data: st.DataObject) -> None:
    text = text_of({("image", "tag"): "0.9.80", ("replicaCount",): 1})
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("ABCDabcd0189-_+/= é"))
    assume(letter != text[place])
    with pytest.raises(InvalidRevisionError):
        Revision.parse(text[:place] + letter + text[place + 1 :], DIGESTER)


@given(st.integers(0, 60), st.booleans())
def test_a_part_of_one_is_refused(length: int, front: bool) -> None:  # noqa: FBT001  drawn
    text = text_of({("image", "tag"): "0.9.80", ("replicaCount",): 1})
    with pytest.raises(InvalidRevisionError, match="damaged"):
        Revision.parse(text[:length] if front else text[-length or len(text) :], DIGESTER)


@pytest.mark.parametrize("text", ["", "x", 'W/"5"', 5, True, [], {}, "é", "\ud800", "A" * 100_000])
def test_what_is_none_is_refused(text: object) -> None:
    with pytest.raises(InvalidRevisionError, match="damaged or not of this server: read the cluster again"):
        put(stored(), {"revision": text})


def test_one_of_another_cluster_is_refused() -> None:
    other = stored()
    other["metadata"]["uid"] = "c-2"
    with pytest.raises(InvalidRevisionError, match="another cluster") as refusal:
        put(stored(), config_of(other))
    assert (refusal.value.status, refusal.value.type) == (422, "invalid_revision")


def test_one_of_another_server_is_refused() -> None:
    with pytest.raises(InvalidRevisionError, match="not of this server"):
        put(stored(), {"revision": text_of({}, Digester(b"y" * 32, "c-1"))})


def test_one_of_another_format_is_refused() -> None:
    content = b"\x02" + raw(text_of({}))[1:-16]
    text = base64.urlsafe_b64encode(content + DIGESTER.seal(content)).rstrip(b"=").decode()
    with pytest.raises(InvalidRevisionError, match="another version"):
        Revision.parse(text, DIGESTER)


def test_null_is_none() -> None:
    assert put(stored(), {"revision": None, "replicaCount": 2}).changed == ["replicaCount"]
