"""What `hack/cluster status` tells."""

from collections.abc import Mapping

from devkit.cluster.components import Facts, audit_log


def text(facts: Facts, pids: Mapping[str, int | None]) -> str:
    """One line for each thing that a person wants to know; `pids` says which components run."""
    spec = facts.spec
    down = [name for name, pid in pids.items() if pid is None]
    lines = [
        f"cluster     {spec.name}, nodes {spec.nodes}: " + (f"not running: {', '.join(down)}" if down else "running"),
        f"API server  {facts.server}",
        f"kubeconfig  {facts.kubeconfig('admin')}",
        f"components  {', '.join(f'{name} ({pid})' if pid else f'{name} (down)' for name, pid in pids.items())}",
        f"logs        {facts.folder / 'logs'}",
    ]
    if spec.audit:
        lines.append(f"audit log   {audit_log(facts)}")
    return "\n".join([*lines, *reach(facts)])


def reach(facts: Facts) -> list[str]:
    if not facts.real:
        return ["pods        never run for real" if facts.nodes.count else "pods        stay Pending: there is no node"]
    plan = facts.plan
    return [
        f"services    {plan.services}: reachable from this machine as they are: curl http://CLUSTER-IP:PORT",
        f"pods        {plan.pods}: reachable from this machine; they reach it at {plan.host} and nothing beyond it",
        f"DNS         {plan.dns_service}, names under cluster.local",
        "volumes     StorageClass standard (default); NetworkPolicy objects are accepted, not enforced",
    ]
