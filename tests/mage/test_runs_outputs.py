"""Outputs as JSON: Mage's own wherever that is valid, and valid where it is not."""

import json
import subprocess
from typing import Any

import pytest
from tests.support.runs import Lab

from devkit.local_mage import environment

pytestmark = pytest.mark.timeout(300)

IMPORTS = """
import collections, dataclasses, datetime, decimal, enum, fractions, pathlib, uuid
import numpy as np, pandas as pd, polars as pl, scipy.sparse
"""

AS_MAGE = {
    "a number": "5",
    "a text": "'ä\\u2028 </script>'",
    "nothing": "None",
    "nested": "{'a': [1, {'b': (2, None, True)}], 'c': {}}",
    "several": "[1, 'two', [3]]",
    "a tuple": "(1, 2)",
    "a set": "{5}",
    "no number": "[float('nan'), float('inf'), -float('inf'), {'a': float('nan')}]",
    "a table": "pd.DataFrame({'i': [1, 2], 'f': [1.5, None], 's': ['x', None], 'b': [True, False]})",
    "an empty table": "pd.DataFrame({'a': []})",
    "a table with dates": "pd.DataFrame({'t': pd.to_datetime(['2026-01-31 12:00', None], utc=True)})",
    "a table with an index": "pd.DataFrame({'a': [1]}, index=['row'])",
    "a table with nullable numbers": "pd.DataFrame({'a': pd.array([1, None], dtype='Int64')})",
    "a table with categories": "pd.DataFrame({'a': pd.Categorical(['x', 'y'])})",
    "a table with decimals": "pd.DataFrame({'a': [decimal.Decimal('1.10')]})",
    "two tables": "[pd.DataFrame({'a': [1]}), pd.DataFrame({'b': [2]})]",
    "a series": "pd.Series([1, 2])",
    "a polars table": "pl.DataFrame({'a': [1, 2], 'b': ['x', None], 'd': [datetime.date(2026, 1, 31)] * 2})",
    "a polars series": "pl.Series([1.5, None])",
    "numpy": "[np.int64(1), np.float32(1.5), np.bool_(True), np.array([[1, 2], [3, 4]]), np.array([1.5, np.nan])]",
    "a complex number of numpy": "[np.complex128(1 + 2j)]",
    "dates": "[datetime.date(2026, 1, 31), datetime.datetime(2026, 1, 31, 12), datetime.time(12), pd.Timestamp(0)]",
    "a duration of pandas": "[pd.Timedelta('1 day')]",
    "not a time": "[pd.NaT, pd.NA]",
    "decimals": "[decimal.Decimal('1.10'), decimal.Decimal('1E+2')]",
    "bytes of a text": "'ä'.encode()",
    "a matrix": "scipy.sparse.csr_matrix([[1, 0]])",
    "numbers as keys": "{1: 'a', 1.5: 'b', None: 'c', True: 'd'}",
    "a large number": "10**30",
    "a class": "[collections.OrderedDict]",
}

OURS = {
    "decimals that are no numbers": ("[decimal.Decimal('NaN'), decimal.Decimal('Infinity')]", [None, None]),
    "bytes that are no text": ("b'\\xff\\x00'", [{"__type__": "bytes", "__data__": "/wA="}]),
    "bytes in a table": ("pd.DataFrame({'a': [b'\\xff']})", [[{"a": {"__type__": "bytes", "__data__": "/w=="}}]]),
    "a complex number": ("[1 + 2j]", [{"real": 1.0, "imag": 2.0}]),
    "a duration": ("[datetime.timedelta(days=1)]", ["P1DT0H0M0S"]),
    "an identifier": ("[uuid.UUID(int=5)]", ["00000000-0000-0000-0000-000000000005"]),
    "a path": ("[pathlib.PurePosixPath('/a')]", ["/a"]),
    "a fraction": ("[fractions.Fraction(1, 3)]", ["1/3"]),
    "a frozen set": ("[frozenset([5])]", [[5]]),
    "tuples as keys": ("{(1, 2): 'a'}", [{"[1, 2]": "a"}]),
    "numbers of numpy as keys": ("{np.int64(1): 'a'}", [{"1": "a"}]),
    "dates as keys": ("{datetime.date(2026, 1, 31): 1}", [{"2026-01-31": 1}]),
}


@pytest.fixture(scope="module")
def pipeline(lab: Lab) -> str:
    """Its block returns what the expression in its variables is."""
    name = lab.pipeline("outputs")
    code = f"{IMPORTS}\n@data_loader\ndef load(**kwargs):\n    return eval(kwargs['expression'])\n"
    return lab.raw(name, name, code, kind="data_loader")


@pytest.fixture(scope="module")
def of_mage() -> dict[str, str]:
    """What Mage's own handler would send; what blocks return is made a list as `Block._execute_block` does it."""
    script = f"""
import json, sys
{IMPORTS}
import simplejson
from mage_ai.shared.parsers import encode_complex
def outputs(found):
    found = [] if found is None else list(found) if isinstance(found, tuple) else found
    return found if isinstance(found, list) else [found]
given = json.load(sys.stdin)
told = {{name: simplejson.dumps(dict(run=dict(output=outputs(eval(e)))), default=encode_complex, ignore_nan=True)
        for name, e in given.items()}}
print(chr(10) + json.dumps(told))
"""
    done = subprocess.run(
        [environment(), "-c", script],
        input=json.dumps(AS_MAGE),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


def body(lab: Lab, pipeline: str, expression: str) -> str:
    options = {"variables": {"expression": expression}, "store_variables": False, "record": False}
    answer = lab.ask(pipeline, pipeline, **options)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("application/json")
    return answer.text.strip()


def strict(text: str) -> Any:
    def no_json(name: str) -> None:
        raise AssertionError(name)

    return json.loads(text, parse_constant=no_json)


@pytest.mark.parametrize("name", AS_MAGE)
def test_an_output_is_what_mage_makes_of_it(lab: Lab, pipeline: str, of_mage: dict[str, str], name: str) -> None:
    found = body(lab, pipeline, AS_MAGE[name])
    strict(found)
    assert found == of_mage[name]


@pytest.mark.parametrize("name", OURS)
def test_where_mage_fails_it_is_valid_all_the_same(lab: Lab, pipeline: str, name: str) -> None:
    expression, expected = OURS[name]
    assert strict(body(lab, pipeline, expression)) == {"run": {"output": expected}}


def test_what_refers_to_itself_is_an_error(lab: Lab) -> None:
    name = lab.pipeline("circular")
    lab.block(name, name, "found = []\nfound.append(found)\nreturn {'found': found}")
    code, type_, message = lab.refusal(name, name, store_variables=False)
    assert (code, type_) == (500, "ValueError")
    assert "refers to itself" in message
    run = lab.newest(name)
    assert (run["status"], run["blocks"][name]["status"]) == ("failed", "failed")


def test_a_large_table_comes_as_a_whole(lab: Lab, pipeline: str) -> None:
    found = strict(body(lab, pipeline, "pd.DataFrame({'a': range(200_000), 'b': 'x' * 20})"))
    rows = found["run"]["output"][0]
    assert len(rows) == 200_000
    assert rows[-1] == {"a": 199_999, "b": "x" * 20}
