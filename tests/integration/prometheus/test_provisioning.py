"""Every alert and every query of the dashboard, run by a real Prometheus that scrapes a real stratod.

Needs Debian's package `prometheus`; skipped where it is missing.

SPDX-License-Identifier: MIT
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

import pytest

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[1] / "broker"))

from stratod import Stratod, eventually  # noqa: E402

DOCKER = HERE.parents[3] / "docker"
RULES = DOCKER / "prometheus/alerts.yml"
DASHBOARD = json.loads((DOCKER / "grafana/dashboards/stratoswarm.json").read_text())

pytestmark = pytest.mark.skipif(not (shutil.which("prometheus") and shutil.which("promtool")),
                                reason="prometheus is missing: install Debian's package of that name")


def promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_shipped_configuration_and_rules_are_good():
    promtool("check", "config", str(DOCKER / "prometheus/prometheus.yml"))
    promtool("check", "rules", str(RULES))


def ask(base, path, **arguments):
    url = f"{base}/api/v1/{path}?" + urllib.parse.urlencode(arguments)
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 503:
                return None  # still starting
            raise AssertionError(f"{path} {arguments}: {error.read().decode()}") from None


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """The base address of a Prometheus that has scraped at least three times."""
    folder = tmp_path_factory.mktemp("prometheus")
    shutil.copy(RULES, folder)
    with Stratod() as broker:
        door = broker.wait_line(r"edge=http endpoint=\"?http://([^\s\"]+)")[1]
        text = (DOCKER / "prometheus/prometheus.yml").read_text()
        assert "127.0.0.1:7790" in text
        text = text.replace("127.0.0.1:7790", door).replace("_interval: 5s", "_interval: 200ms")
        (folder / "prometheus.yml").write_text(text)
        with open(folder / "log", "wb") as log:
            child = subprocess.Popen(["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                                      "--web.listen-address=127.0.0.1:0"], stdout=log, stderr=log)
        try:
            def listening():
                text = (folder / "log").read_text()
                assert child.poll() is None, text
                return re.search(r'msg="Listening on" address=(127.0.0.1:[1-9]\d*)', text)

            base = "http://" + eventually(listening, "prometheus listens")[1]

            def scraped():
                assert child.poll() is None, (folder / "log").read_text()
                found = ask(base, "query", query="count_over_time(strato_turns_total[1m])")
                return found and found["result"] and float(found["result"][0]["value"][1]) >= 3
            eventually(scraped, "three scrapes")
            yield base
        finally:
            child.terminate()
            child.wait()


def queries():
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield pytest.param(target["expr"], id=f"{panel['id']}{target['refId']}")


@pytest.mark.parametrize("query", queries())
def test_a_query_of_the_dashboard_is_answered(prometheus, query):
    query = query.replace("$channel", ".*").replace("$__rate_interval", "1m")
    assert "$" not in query
    found = ask(prometheus, "query", query=query)
    if "refused" in query:  # nothing was: there is no such series yet
        return
    assert found["result"], f"no series for {query}"


def test_the_dashboards_sum_of_the_law_is_zero(prometheus):
    query = next(p for p in DASHBOARD["panels"] if p["title"].startswith("Conservation"))["targets"][0]["expr"]
    for row in ask(prometheus, "query", query=query.replace("$channel", ".*"))["result"]:
        assert row["value"][1] == "0", row


def test_every_alert_is_evaluated_and_a_healthy_broker_raises_none(prometheus):
    def evaluated():
        rules = [rule for group in ask(prometheus, "rules")["groups"] for rule in group["rules"]]
        return rules if rules and all(rule["health"] != "unknown" for rule in rules) else None

    rules = eventually(evaluated, "every rule was evaluated")
    assert len(rules) == RULES.read_text().count("- alert:")
    for rule in rules:
        assert rule["health"] == "ok", rule
        assert rule["state"] == "inactive", rule


def test_every_metric_that_alerts_and_panels_name_is_served(prometheus):
    served = set(ask(prometheus, "label/__name__/values"))
    named = set(re.findall(r"\b(strato_\w+|process_\w+)", RULES.read_text() + json.dumps(DASHBOARD["panels"])))
    conditional = {"strato_store_failing", "strato_messages_refused_total"}  # with a store; once something was refused
    assert named - conditional <= served


def test_every_alert_has_its_page():
    pages = (HERE.parents[3] / "docs/operations.md").read_text()
    for anchor in re.findall(r"operations\.md#(\w+)", RULES.read_text()):
        assert re.search(rf"^### {anchor}$", pages, re.M | re.I), anchor
