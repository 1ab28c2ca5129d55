"""Every value of the chart, in the order in which people read them."""

from devkit.chart.cloud_api import CloudApi
from devkit.chart.metrics import Metrics
from devkit.chart.pods import Pod
from devkit.chart.types import Arguments, Image, Labels, Namespaces, PullSecrets, Replicas
from magecluster.api.model import ApiModel


class Crds(ApiModel):
    """The custom resource definitions."""

    enabled: bool = True
    """Install them, and bring them up to date with each `helm upgrade`."""
    keep: bool = True
    """Keep them, and so all clusters, when the chart is uninstalled."""


class NetworkPolicy(ApiModel):
    """NetworkPolicies of the chart's own pods."""

    enabled: bool = True
    """Let nothing reach the pods but the operator's metrics and the Cloud API. What they may reach is not limited."""


class _First(ApiModel):
    """What stands above the values of the operator's pod: fields of a later base come first."""

    image: Image = Image()
    """The image of operator, Cloud API and gateways."""
    image_pull_secrets: PullSecrets = []
    """Secrets of the chart's namespace with credentials for the image's registry, for operator and Cloud API. Gateways
    have those of `spec.imagePullSecrets` of their MageCluster."""
    crds: Crds = Crds()
    """The custom resource definitions."""
    watch_namespaces: Namespaces = []
    """Namespaces whose clusters count, which must exist: then Roles there take the place of ClusterRoles. All of them
    when empty."""
    extra_labels: Labels = {}
    """Labels of every object of the chart but the definitions."""
    network_policy: NetworkPolicy = NetworkPolicy()
    """NetworkPolicies of the chart's own pods."""


class Values(Pod, _First):
    """Values of the chart magecluster. Those of `Pod` at the top are the operator's."""

    replicas: Replicas = 1
    """Operators at a time: one reconciles, the others stand by. Two or more get a PodDisruptionBudget."""
    extra_args: Arguments = []
    """Further arguments of `magecluster operator`, for example `["--workers=32"]`."""
    cloud_api: CloudApi = CloudApi()
    """The Cloud API. Where it runs beside the operator, it shares the values of the operator's pod."""
    metrics: Metrics = Metrics()
    """What Prometheus and Grafana are told; the first two need the CRDs of the Prometheus operator."""
