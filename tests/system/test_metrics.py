"""/metrics (contract 8, http.listen): read by Prometheus' parsers, scraped by a real Prometheus,
equal to what lies in the topics; every metric that an alert or the dashboard names is there."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from prometheus_client.parser import text_string_to_metric_families

from harness import Message, Planlift, World, eventually
from harness.samples import customer_facts, wish
from services import LOOPBACK, ROOT, reserve_port, spawn

ALERTS = ROOT / "helm" / "planlift" / "files" / "alerts.yaml"
DASHBOARD = ROOT / "helm" / "planlift" / "files" / "dashboard.json"
CATALOGUE = ROOT / "catalogue" / "csp.json"

Labels = frozenset[tuple[str, str]]


@pytest.fixture
def ready(world: World) -> World:
    world.create_topics()
    return world


def scrape(process: Planlift) -> dict[str, dict[Labels, float]]:
    """Values by name and labels."""
    status, text = process.get("/metrics")
    assert status == 200, text
    samples: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation, family.name
        for sample in family.samples:
            place = samples.setdefault(sample.name, {})
            labels = frozenset(sample.labels.items())
            assert labels not in place, f"{sample.name} twice"
            place[labels] = sample.value
    return samples


def value(samples: dict[str, dict[Labels, float]], name: str, **labels: str) -> float:
    return samples[name][frozenset(labels.items())]


def send_work(world: World) -> None:
    """An upgrade, a repeat of it, a refusal, a check, a licence more, and two dead letters."""
    send, topics = world.client.send, world.topics
    send(topics.events, customer_facts(world, "c1") + [Message(b"c1", b"broken")])
    world.drain()
    upgrade = world.request("c1", requestId="r1", **wish())
    send(topics.requests, [upgrade, upgrade, Message(b"c1", None)])
    for operation in ("UPGRADE", "CHECK", "ADD_LICENSES"):
        world.send_request("c2", **wish(operation))


def test_metrics_are_what_lies_in_the_topics(ready: World) -> None:
    send_work(ready)
    process = ready.start()
    process.await_ready()
    ready.await_taken_in(process)
    eventually(lambda: sum(scrape(process)["planlift_input_lag_records"].values()) == 0, "no lag")
    samples = scrape(process)
    results = ready.results()
    answered = Counter((result["operation"], result["outcome"]) for result in results)
    counted = {
        (dict(labels)["operation"], dict(labels)["outcome"]): number
        for labels, number in samples["planlift_requests_total"].items()
        if number
    }
    assert counted == answered
    codes = Counter(
        code
        for result in results
        for code in {
            error["code"]
            for errors in [result["errors"], *(u["errors"] for u in result["possibleUpgrades"])]
            for error in errors
        }
    )
    refused = {
        dict(labels)["code"]: number
        for labels, number in samples["planlift_refusals_total"].items()
        if number
    }
    assert refused == codes
    accounts = sum(len(result["affectedAccounts"]) for result in results)
    assert value(samples, "planlift_affected_accounts_total") == accounts == 2
    assert value(samples, "planlift_repeated_requests_total") == 1
    dead = {labels: n for labels, n in samples["planlift_dead_letters_total"].items() if n}
    assert dead == {frozenset({("input", "requests"), ("code", "null_value")}): 1}
    assert value(samples, "planlift_batch_records_sum") == 6
    commits = value(samples, "planlift_stage_duration_seconds_count", stage="commit")
    assert commits >= value(samples, "planlift_batch_records_count") >= 1
    current = samples["planlift_partition_current"]
    assert len(current) == ready.partitions and set(current.values()) == {1}
    assert 1e6 < value(samples, "process_resident_memory_bytes") < 1e9


def test_the_catalogue_is_told_by_version_and_digest(ready: World) -> None:
    process = ready.start()
    process.await_ready()
    version = json.loads(CATALOGUE.read_text())["version"]
    digest = subprocess.check_output(["sha256sum", CATALOGUE], text=True).split()[0]
    assert process.get("/readyz") == (200, f"ready\ncatalogue {version} sha256 {digest}\n")
    assert value(scrape(process), "planlift_catalogue_info", version=version, sha256=digest) == 1


def test_a_rebuild_is_counted(ready: World) -> None:
    send_work(ready)
    ready.drain()
    cache = redis.Redis.from_url(ready.redis.url)
    assert cache.delete(*(f"planlift:{{{ready.group}:p{n}}}" for n in range(ready.partitions)))
    process = ready.start()
    process.await_ready()
    samples = scrape(process)
    assert value(samples, "planlift_cache_rebuilds_total") >= 1
    assert value(samples, "planlift_failed_transactions_total") == 0
    assert set(samples["planlift_catch_up_records"].values()) == {0}


# ---- those who read them ---------------------------------------------------------------------


def expressions() -> Iterator[tuple[str, str]]:
    """What alerts and dashboard ask for: where, and the PromQL."""
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def test_every_metric_that_is_asked_for_is_there(ready: World) -> None:
    process = ready.start()
    process.await_ready()
    eventually(lambda: "planlift_input_lag_records" in scrape(process), "the ends of the inputs")
    there = set(scrape(process))
    asked = 0
    for place, expression in expressions():
        for name in re.findall(r"\b(?:planlift|process)_[a-z_]+", expression):
            asked += 1
            assert name in there, f"{place}: {name}"
    assert asked > 20


def test_promtool_takes_metrics_and_rules(ready: World) -> None:
    process = ready.start()
    process.await_ready()
    page = process.get("/metrics")[1]
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=page, text=True, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    checked = subprocess.run(
        ["promtool", "check", "rules", ALERTS], text=True, capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stderr + checked.stdout


@pytest.fixture
def prometheus(ready: World, tmp_path: Path) -> Iterator[tuple[Planlift, str]]:
    """A planlift, and a Prometheus that scrapes it and has the alert rules."""
    process = ready.start()
    process.await_ready()
    port = reserve_port()
    config = {
        "global": {"scrape_interval": "200ms", "evaluation_interval": "200ms"},
        "rule_files": [str(ALERTS)],
        "scrape_configs": [
            {
                "job_name": "planlift",
                "static_configs": [{"targets": [f"{LOOPBACK}:{process.http_port}"]}],
            }
        ],
    }
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    server = spawn(
        [
            "prometheus",
            f"--config.file={tmp_path / 'prometheus.yml'}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address={LOOPBACK}:{port}",
            "--log.level=error",
        ]
    )
    try:
        yield process, f"http://{LOOPBACK}:{port}"
    finally:
        server.terminate()
        server.wait()


def ask(address: str, expression: str) -> list[Any]:
    """What an instant query answers; nothing while it does not."""
    query = urllib.parse.urlencode({"query": expression})
    try:
        with urllib.request.urlopen(f"{address}/api/v1/query?{query}", timeout=10) as answer:
            return json.load(answer)["data"]["result"]
    except OSError:
        return []


def test_a_prometheus_scrapes_it(prometheus: tuple[Planlift, str]) -> None:
    _, address = prometheus
    eventually(lambda: bool(ask(address, "up == 1")), "scraped", 60)
    for place, expression in expressions():
        expression = expression.replace("$__rate_interval", "1m").replace("$job", ".*")
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"{address}/api/v1/query?{query}", timeout=10) as answer:
            assert json.load(answer)["status"] == "success", place
    assert ask(address, "sum(planlift_partition_current)")
    assert not ask(address, 'ALERTS{alertstate="firing"}')
