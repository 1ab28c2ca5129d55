"""What Mage publishes about POST /api/runs, as it stands in its document."""

import re
import textwrap

from tests.support.published import pro_api

URL, TOKEN = "https://<your-cluster-hostname>", "your_trigger_token_here"  # what a reader replaces


def examples() -> dict[str, list[str]]:
    """The blocks of code below each heading of the part about the endpoint, in their order."""
    part = pro_api().partition('title="Mage Pro /runs api endpoint">')[2].partition("</Accordion>")[0]
    sections = re.findall(r"^### ([^\n]+)\n(.*?)(?=^### |\Z)", textwrap.dedent(part), re.MULTILINE | re.DOTALL)
    return {
        heading: re.findall(r"^```\w*[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL) for heading, text in sections
    }


def as_printed(code: str, url: str, token: str) -> str:
    """With the two values that a reader has to put in, and nothing else."""
    return code.replace(URL, url).replace(TOKEN, token)
