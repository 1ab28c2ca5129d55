"""An example of each body that a route takes, for the documentation; a test holds them to their types."""

from typing import Any

from magecluster.cloud.web.wire.base import Wire
from magecluster.cloud.web.wire.clusters import ClusterPost, ClusterPut, Restart
from magecluster.cloud.web.wire.sessions import PasswordPut, SessionPost
from magecluster.cloud.web.wire.teams import AcceptancePost, InvitationPost, MemberPut, TeamPatch, TeamPost
from magecluster.cloud.web.wire.tokens import TokenPost

EXAMPLES: dict[type[Wire], dict[str, Any]] = {
    ClusterPost: {
        "cluster": {"name": "lab", "config": {"resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}},
    },
    ClusterPut: {
        "cluster": {
            "status": "Active",
            "config": {"image": {"tag": None}, "podLabels": {"stage": "test"}},
        }
    },
    Restart: {"restartedAt": "2026-07-01T08:00:00Z"},
    SessionPost: {"session": {"email": "ann@example.com", "password": "correct horse battery staple"}},
    PasswordPut: {
        "user": {"current_password": "correct horse battery staple", "password": "incorrect donkey charger clip"}
    },
    TeamPost: {"team": {"id": "data", "namespace": "data", "limits": {"running_clusters": 2, "memory": "32Gi"}}},
    TeamPatch: {"team": {"display_name": "Data", "secrets": ["warehouse"]}},
    MemberPut: {"member": {"role": "Editor"}},
    InvitationPost: {"invitation": {"email": "ed@example.com", "role": "Editor", "expires_in_hours": 24}},
    AcceptancePost: {"invitation": {"password": "correct horse battery staple", "name": "Ed"}},
    TokenPost: {"token": {"name": "nightly", "scopes": ["clusters:read", "clusters:power"], "expires_in_days": 30}},
}
