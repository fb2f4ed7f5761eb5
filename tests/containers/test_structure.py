"""The files that containers are made of, judged without an engine or a cluster.

SPDX-License-Identifier: MIT
"""

import pathlib
import re

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
KUBERNETES = [d for f in sorted((DOCKER / "kubernetes").glob("*.yaml")) for d in yaml.safe_load_all(f.read_text())]
PODS = [d for d in KUBERNETES if d["kind"] in ("StatefulSet", "Deployment")]
VERSION = re.search(r"project\(\w+ VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())[1]


def dockerfile(name):
    return (DOCKER / name / "Dockerfile").read_text()


def of_kind(kind):
    return [d for d in KUBERNETES if d["kind"] == kind]


def ids(document):
    return document["kind"]


def test_the_programs_are_built_by_the_same_words_so_that_they_are_built_once():
    stage = re.compile(r"^FROM debian:bookworm-slim AS programs\n.*?^# -{20,}$", re.M | re.S)
    assert stage.search(dockerfile("broker"))[0] == stage.search(dockerfile("worker"))[0]


@pytest.mark.parametrize("name", ["broker", "worker", "prometheus"])
def test_an_image_ends_as_nobody_and_runs_a_program_without_a_shell(name):
    text = dockerfile(name).split("FROM broker AS chaos")[0]
    assert re.findall(r"^USER (\S+)$", text, re.M) == ["10001:10001"]
    assert re.findall(r"^ENTRYPOINT (\S)", text, re.M) == ["["]


def test_the_broker_has_no_opencl_and_the_worker_names_nvidias():
    run_time = dockerfile("broker").split("AS broker")[1]
    assert not re.search("opencl|pocl", run_time, re.I)
    assert "echo libnvidia-opencl.so.1 >/etc/OpenCL/vendors/nvidia.icd" in dockerfile("worker")


def test_every_service_of_compose_is_closed_and_names_what_is_there():
    compose = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    for name, service in compose["services"].items():
        if "build" not in service and not service["image"].startswith("stratoswarm/"):
            continue
        assert service["read_only"] and service["cap_drop"] == ["ALL"], name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), f"{name} is open to others: {port}"
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (DOCKER / source).exists() if source.startswith(".") else source in compose["volumes"], volume
        if "build" in service:
            assert (ROOT / service["build"]["dockerfile"]).exists()


@pytest.mark.parametrize("pod", PODS, ids=ids)
def test_a_pod_has_no_rights_and_ends_in_its_own_time(pod):
    spec = pod["spec"]["template"]["spec"]
    assert pod["spec"]["selector"]["matchLabels"].items() <= pod["spec"]["template"]["metadata"]["labels"].items()
    assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] == 10001
    assert spec["automountServiceAccountToken"] is False and spec["terminationGracePeriodSeconds"] >= 30
    volumes = {v["name"] for v in spec.get("volumes", [])} | {v["metadata"]["name"] for v in pod["spec"].get("volumeClaimTemplates", [])}
    for container in spec["containers"]:
        assert container["image"].endswith(":" + VERSION), "the manifests name the version of this tree"
        assert container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                                "capabilities": {"drop": ["ALL"]}}
        assert {m["name"] for m in container["volumeMounts"]} == volumes
        assert "memory" in container["resources"]["limits"], "libzmq bounds no message of many parts: docs/security.md"


def test_the_broker_is_probed_and_drains_before_it_is_killed():
    (pod,) = of_kind("StatefulSet")
    spec = pod["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    ports = {p["name"]: p["containerPort"] for p in container["ports"]}
    for probe, path in (("startupProbe", "live"), ("livenessProbe", "live"), ("readinessProbe", "ready")):
        assert container[probe]["httpGet"] == {"path": f"/healthz/{path}", "port": "http"}
    (service,) = of_kind("Service")
    assert {p["name"]: p["port"] for p in service["spec"]["ports"]} == ports and ports["native"] == 7700
    assert pod["spec"]["serviceName"] == service["metadata"]["name"]
    drain = int(next(e["value"] for e in container["env"] if e["name"] == "STRATO_DRAIN_TIMEOUT").rstrip("s"))
    before = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert before + drain < spec["terminationGracePeriodSeconds"]


def test_the_network_policy_lets_in_exactly_the_ports_of_the_service():
    (policy,), (service,) = of_kind("NetworkPolicy"), of_kind("Service")
    assert {p["port"] for rule in policy["spec"]["ingress"] for p in rule["ports"]} == {p["port"] for p in service["spec"]["ports"]}
    assert policy["spec"]["egress"] == [] and policy["spec"]["podSelector"]["matchLabels"] == service["spec"]["selector"]
    client = policy["spec"]["ingress"][0]["from"][0]["podSelector"]["matchLabels"]
    (worker,) = of_kind("Deployment")
    assert client.items() <= worker["spec"]["template"]["metadata"]["labels"].items(), "workers are let in"


def test_what_watches_and_scales_points_at_what_is_there():
    (monitor,), (scaled,), (service,), (worker,) = map(of_kind, ("ServiceMonitor", "ScaledObject", "Service", "Deployment"))
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert scaled["spec"]["scaleTargetRef"]["name"] == worker["metadata"]["name"]
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["type"] == "metrics-api" and trigger["metadata"]["valueLocation"] == "depth"
    assert re.fullmatch(f"http://{service['metadata']['name']}:7790/api/v1/channels/[a-z]+/depth", trigger["metadata"]["url"])
    (authentication,) = of_kind("TriggerAuthentication")
    assert trigger["authenticationRef"]["name"] == authentication["metadata"]["name"]
    (budget,) = of_kind("PodDisruptionBudget")
    assert budget["spec"]["selector"]["matchLabels"] == service["spec"]["selector"]
