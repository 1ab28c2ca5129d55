"""The line of audit of one request: who, from where, what with, and what came of it."""

from magecluster.cloud.access.email import canonical
from magecluster.cloud.access.token import is_id
from magecluster.cloud.web.call import TRUE, Call
from magecluster.cloud.web.services import rfc3339


def record(call: Call, status: int) -> None:
    """One line of audit."""
    caller, places = call.caller, call.request.match_info
    facts = {
        "time": rfc3339(call.services.clock()),
        "action": call.route.name,
        "outcome": status,
        "who": caller.account.email if caller else None,
        "token": caller.id if caller else None,
        "address": call.address,
        "team": places.get("team"),
        "cluster": places.get("cluster"),
        **_targets(call),
        "dry_run": call.request.query.get("dryRun", "").lower() in TRUE or None,
    }
    call.services.audit.record(facts | call.audit)


def _targets(call: Call) -> dict[str, str | None]:
    """Whom or what else the path names: only what has the form of it, since people put secrets in wrong places."""
    places = call.request.match_info
    # Where no team is in the path, the token is the link of an invitation, which is a secret.
    ids = {"invitation": places.get("invitation"), "service_token": places.get("token") if call.route.of_team else None}
    known = {name: text if text and is_id(text) else None for name, text in ids.items()}
    return {"member": canonical(places.get("email", "")), **known}
