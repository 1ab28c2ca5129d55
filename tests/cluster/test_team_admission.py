"""A MageTeam that would not work as it reads is refused by the API server, with a message that says what to do."""

from typing import Any

import pytest
import yaml
from tests.support.kube import Manifest, Namespace

ADA = {"email": "ada@example.com", "role": "Admin"}


def a_team(name: str = "lab", /, **spec: Any) -> Manifest:
    spec = {"namespace": "lab", **spec}
    return {"apiVersion": "magecluster.io/v1alpha1", "kind": "MageTeam", "metadata": {"name": name}, "spec": spec}


REFUSED = {
    "no namespace": ({**a_team(), "spec": {"members": [ADA]}}, "spec.namespace: Required value"),
    "no spec": ({**a_team(), "spec": None}, "spec: Required value"),
    "an unknown field": (a_team(owner="ada"), "unknown field"),
    "an unknown field further down": (a_team(limits={"pods": 3}), "unknown field"),
    "a namespace of Kubernetes": (a_team(namespace="kube-system"), "name one that was made for its clusters"),
    "a namespace that cannot be": (a_team(namespace="Lab"), "should match"),
    "a name with a dot": (a_team("lab.one"), "at most 63 characters: lower-case letters, digits and '-'"),
    "a long name": (a_team("a" * 64), "at most 63 characters"),
    "a member twice": (a_team(members=[ADA, {**ADA, "role": "Viewer"}]), "Duplicate value"),
    "a member twice but for case": (
        a_team(members=[ADA, {"email": "Ada@Example.com", "role": "Viewer"}]),
        "case makes no difference in e-mails: write them in lower case",
    ),
    "a member without a role": (a_team(members=[{"email": "ada@example.com"}]), "role: Required value"),
    "a role that does not exist": (
        a_team(members=[{**ADA, "role": "Owner"}]),
        'supported values: "Admin", "Editor", "Viewer"',
    ),
    "an e-mail that is none": (a_team(members=[{**ADA, "email": "ada"}]), "should match"),
    "a group twice": (
        a_team(groups=[{"name": "data", "role": "Admin"}, {"name": "data", "role": "Viewer"}]),
        "Duplicate value",
    ),
    "a group without a name": (a_team(groups=[{"name": "", "role": "Admin"}]), "at least 1 char"),
    "less than no clusters": (a_team(limits={"clusters": -1}), "should be greater than or equal to 0"),
    "half a cluster": (a_team(limits={"runningClusters": 1.5}), "must be of type integer"),
    "less than no cpu": (a_team(limits={"cpu": "-1m"}), "cpu is an amount of 0 or more"),
    "less than no cpu as a number": (a_team(limits={"cpu": -1}), "cpu is an amount of 0 or more"),
    "memory that is no amount": (a_team(limits={"memory": "1e0.5"}), "memory is an amount of 0 or more"),
    "storage in other words": (a_team(limits={"storage": "much"}), "should match"),
    "a Secret twice": (a_team(secrets=["vault", "vault"]), "Duplicate value"),
    "a Secret that cannot be": (a_team(secrets=["my vault"]), "should match"),
}


@pytest.mark.parametrize(("manifest", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(bare: Namespace, manifest: Manifest, message: str) -> None:
    assert message in bare.refused("apply", "-f", "-", given=yaml.safe_dump(manifest))
    assert not bare.all("mt")


def test_a_team_with_everything(bare: Namespace) -> None:
    limits = {"clusters": 0, "runningClusters": 2, "cpu": 4, "memory": "1.5Gi", "storage": "1T"}
    spec = {
        "namespace": "lab",
        "displayName": "The lab",
        "members": [ADA],
        "groups": [{"name": "https://idp.example.com/Data Science", "role": "Viewer"}],
        "limits": limits,
        "secrets": ["postgres"],
    }
    bare.apply(a_team("0-lab", **spec))
    assert bare.get("mageteam", "0-lab")["spec"] == spec


def test_defaults_stand_in_the_object(bare: Namespace) -> None:
    bare.apply(a_team())
    assert bare.get("mt", "lab")["spec"] == {
        "namespace": "lab",
        "members": [],
        "groups": [],
        "limits": {},
        "secrets": [],
    }


def test_what_a_list_shows(bare: Namespace) -> None:
    bare.apply(a_team(displayName="The lab"))
    header, row = bare.kubectl("get", "mage").splitlines()
    assert header.split("  ")[0] == "NAME"
    for column, value in (("NAMESPACE", "lab"), ("DISPLAY NAME", "The lab"), ("AGE", "")):
        assert row[header.index(column) :].startswith(value)
