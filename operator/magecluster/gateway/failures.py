"""Which status an exception of Mage's stands for.

Where Mage's code raises something else than its ApiError, the answer is an envelope with HTTP status 200: `code` is
500, `exception` the text, `message` the traceback. Whose fault it was can be told by what was raised, and where. The
rules hold for what was seen of Mage 0.9.80, and `tests/mage` sees it again; what no rule knows is Mage's failure: 500.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

_WRITES = frozenset({"POST", "PUT", "PATCH"})
_FRAME = re.compile(r'^  File ".*", line \d+, in (.*)\n    (.*)$', re.MULTILINE)
_SQL = "\n[SQL: "
"""How SQLAlchemy begins to tell a statement and its values, which may be secrets."""
_TRACE = "Traceback (most recent call last)"


class Failure(NamedTuple):
    """An exception, as far as a traceback tells about it."""

    kind: str
    """Its class, with its module unless that is `builtins`."""
    text: str
    functions: tuple[str, ...]
    """Through which it went, innermost last."""
    line: str
    """Code that raised it."""

    @classmethod
    def parse(cls, exception: str, traceback: str) -> "Failure":
        """From the text of the exception and what `traceback.format_exc()` gave."""
        last = traceback.rstrip().removesuffix(exception.rstrip()).rpartition("\n")[2]
        frames = _FRAME.findall(traceback)
        return cls(
            last.strip().rstrip(":"), exception, tuple(name for name, _ in frames), frames[-1][1] if frames else ""
        )

    @property
    def is_of_token(self) -> bool:
        """Whether a cookie is none that Mage has signed."""
        return self.kind.startswith("jwt.exceptions.")

    @property
    def told(self) -> str:
        """The text without what nobody should see: stack traces, statements of SQL and their values."""
        return without_traces(self.text) or self.kind or "Mage failed; see its log"


def without_traces(text: str) -> str:
    """What is left of a text when a traceback, or a statement of SQL with its values, is taken from its end."""
    return text.partition(_SQL)[0].partition(_TRACE)[0].strip()


@dataclass(frozen=True, kw_only=True)
class _Rule:
    """All that is given has to hold; patterns may match anywhere but for `kind`, which has to match as a whole."""

    status: int
    kind: str
    text: str = ""
    function: str = ""
    line: str = ""
    writes: bool = False
    """Only for a request that sends something: then what Mage stumbles over came with it."""

    def holds(self, failure: Failure, method: str) -> bool:
        return bool(
            re.fullmatch(self.kind, failure.kind)
            and re.search(self.text, failure.text)
            and (not self.function or any(re.fullmatch(self.function, name) for name in failure.functions))
            and re.search(self.line, failure.line)
            and (method in _WRITES or not self.writes)
        )


_READS_BODY = "__parse_request_body|__payload|get_payload"
_NO_SUCH = r"(?<!self\.)\b(parent_model('\])?|pipeline_schedule|model)\.\w"
"""Code that goes on with what it looked for, without asking whether that was found."""

_RULES = (
    _Rule(status=400, kind=r"json\.decoder\.JSONDecodeError|UnicodeDecodeError", function=_READS_BODY),
    _Rule(status=401, kind=r"jwt\.exceptions\.\w+"),  # a cookie that Mage did not sign
    _Rule(status=401, kind=r"mage_ai\.server\.api\.errors\.UnauthenticatedRequestException"),
    _Rule(status=401, kind="Exception", text="^Unauthorized access"),
    _Rule(status=404, kind="ModuleNotFoundError", text=r"^No module named 'mage_ai\.api\."),  # no such resource
    _Rule(status=404, kind=r"Exception|mage_ai\.orchestration\.db\.errors\.DoesNotExistError", text="does not exist"),
    _Rule(status=404, kind="AttributeError", text="^'NoneType' object", line=_NO_SUCH),
    _Rule(status=400, kind="Exception", text=" is invalid"),
    _Rule(status=400, kind="ValueError", text=r"^invalid literal for int\(\)"),
    _Rule(status=400, kind="Exception", text="already exists", writes=True),
    _Rule(status=400, kind=r"sqlalchemy\.exc\.IntegrityError", writes=True),
    _Rule(status=400, kind=r"ValueError|KeyError|LookupError|dateutil\.parser\._parser\.ParserError", writes=True),
    _Rule(
        status=400,
        kind="AttributeError|TypeError",
        text="^'(NoneType|str|int|float|bool|list|dict)' object|required|invalid keyword|unexpected keyword",
        writes=True,
    ),
)


def status_of(failure: Failure, method: str) -> int:
    """The HTTP status that fits, for a request of this method."""
    if failure.kind == "mage_ai.api.errors.ApiError":  # raised where nobody expects it; its text is its dictionary
        found = re.search(r"'code': ([45]\d\d)\b", failure.text)
        return int(found[1]) if found else 500
    return next((rule.status for rule in _RULES if rule.holds(failure, method)), 500)
