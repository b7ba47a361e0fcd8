"""The manifests run what there is, under the settings that there are, as hardened as the documents say."""

import re
from typing import Any

import yaml  # type: ignore[import-untyped]  # has no types

from config.settings import Settings
from devstack.programs import ROOT
from tests.release.tree import product_parts

DIRECTORY = ROOT / "deploy" / "kubernetes"
Manifest = dict[str, Any]


def manifests() -> list[Manifest]:
    listed = yaml.safe_load((DIRECTORY / "kustomization.yaml").read_text())["resources"]
    assert {*listed, "kustomization.yaml"} == {path.name for path in DIRECTORY.iterdir()}
    return [each for name in listed for each in yaml.safe_load_all((DIRECTORY / name).read_text())]


def of_kind(*kinds: str) -> list[Manifest]:
    return [each for each in manifests() if each["kind"] in kinds]


def workloads() -> list[Manifest]:
    return of_kind("Deployment", "Job")


def pod(workload: Manifest) -> Manifest:
    found: Manifest = workload["spec"]["template"]["spec"]
    return found


def container(workload: Manifest) -> Manifest:
    (only,) = pod(workload)["containers"]
    assert isinstance(only, dict)
    return only


def test_every_workload_is_hardened() -> None:
    for each in workloads():
        assert pod(each)["securityContext"]["runAsNonRoot"]
        assert pod(each)["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not pod(each)["automountServiceAccountToken"]
        assert container(each)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        resources = container(each)["resources"]
        assert {"cpu", "memory"} <= resources["requests"].keys()
        assert "memory" in resources["limits"]


def test_the_user_is_the_image_s() -> None:
    (uid,) = re.findall(r"^USER (\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert {pod(each)["securityContext"]["runAsUser"] for each in workloads()} == {int(uid)}


def test_what_serves_is_probed_spread_and_never_gone_altogether() -> None:
    budgets = {each["metadata"]["name"]: each["spec"] for each in of_kind("PodDisruptionBudget")}
    for each in of_kind("Deployment"):
        labels = each["spec"]["template"]["metadata"]["labels"]
        assert each["spec"]["selector"]["matchLabels"] == labels
        assert {"livenessProbe", "startupProbe"} <= container(each).keys()
        ports = {port["name"] for port in container(each)["ports"]}
        assert container(each)["livenessProbe"]["httpGet"]["port"] in ports
        budget = budgets[each["metadata"]["name"]]
        assert budget["selector"]["matchLabels"] == labels
        assert budget["minAvailable"] < each["spec"]["replicas"]
        assert pod(each)["terminationGracePeriodSeconds"] >= 40
        assert pod(each)["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"] == labels


def test_the_service_finds_the_api() -> None:
    (service,) = of_kind("Service")
    (api,) = [each for each in of_kind("Deployment") if each["metadata"]["name"] == "api"]
    assert service["spec"]["selector"] == api["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["ports"][0]["targetPort"] in {port["name"] for port in container(api)["ports"]}
    assert container(api)["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_commands_and_settings_are_those_of_the_product() -> None:
    commands = {tuple(container(each)["command"]) for each in workloads()}
    assert commands == {
        ("python", "-m", "api"),
        ("python", "worker.py"),
        ("python", "-m", "alembic", "upgrade", "head"),
    }
    (settings,) = of_kind("ConfigMap")
    given = set(settings["data"]) | {
        env["name"] for each in workloads() for env in container(each).get("env", [])
    }
    assert given <= {name.upper() for name in Settings.model_fields}
    assert settings["data"]["ENVIRONMENT"] == "production"
    assert all(isinstance(value, str) for value in settings["data"].values())


def test_no_secret_is_among_them() -> None:
    assert of_kind("Secret") == []


def test_the_image_holds_every_package_that_the_processes_import() -> None:
    imported = {
        name
        for part in product_parts()
        for file in ([ROOT / part] if part.endswith(".py") else sorted((ROOT / part).rglob("*.py")))
        for name in re.findall(r"^\s*(?:from|import) (\w+)", file.read_text(), re.MULTILINE)
    }
    ours = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    assert imported & ours <= set(product_parts())
