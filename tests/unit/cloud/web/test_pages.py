import base64
import hashlib
import re

from magecluster.cloud.web.pages import page


def digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_a_page_takes_nothing_from_elsewhere_and_runs_nothing() -> None:
    response = page("<Title>", "<p>Text</p>", style="p { color: red }")
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "script-src" not in policy
    assert "connect-src" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.content_type == "text/html"
    assert response.text
    assert "<title>&lt;Title&gt;</title>" in response.text
    assert "<script" not in response.text


def test_style_and_script_are_those_that_the_policy_names() -> None:
    response = page("t", "b", style="\np { }\n", script="\nlet a = 'ü';\n")
    assert response.text
    policy = response.headers["Content-Security-Policy"]
    for tag in ("style", "script"):
        found = re.search(rf"<{tag}>(.*?)</{tag}>", response.text, re.DOTALL)
        assert found
        assert f"{tag}-src 'sha256-{digest(found[1])}'" in policy
