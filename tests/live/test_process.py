"""`mlops serve` as a process: a real Prometheus scrapes it, and killed and restarted it loses nothing."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from mlops_cli.cli.main import run

pytestmark = pytest.mark.slow
RECIPES = Path(__file__).parents[2] / "docs" / "recipes" / "prometheus"
PATIENCE = 60


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    here = Path.cwd()
    os.chdir(folder)
    try:
        assert run(["demo", "logs", "-q"]) == 1
    finally:
        os.chdir(here)
    return folder / "logs"


@pytest.fixture
def serve(tmp_path):
    running = []

    def start(*arguments, port=0):
        command = [sys.executable, "-m", "mlops_cli", "serve", *map(str, arguments), "--port", str(port)]
        made = subprocess.Popen(
            [*command, "--every", "1", "--isolated"], cwd=tmp_path, stderr=subprocess.PIPE, text=True
        )
        running.append(made)
        line = made.stderr.readline()
        assert "serving at http://" in line, line + made.stderr.read()
        return made, line.split()[-1].rstrip("/")

    yield start
    for made in running:
        made.kill()
        made.wait()
        made.stderr.close()


def get(url, body=None):
    try:
        with urlopen(Request(url, body), timeout=15) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except (URLError, ConnectionError):
        return 0, ""


def until(question, good):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        said = question()
        if good(said):
            return said
        time.sleep(0.2)
    raise AssertionError(said)


def answered(url):
    return json.loads(until(lambda: get(f"{url}/v1/monitor"), lambda said: said[0] == 200)[1])


def test_killed_in_the_middle_of_work_it_answers_the_same_after_a_restart(logs, serve):
    first, url = serve(logs)
    before = answered(url)
    first.send_signal(signal.SIGKILL)
    first.wait()
    (logs / "predictions").joinpath("more.txt").write_text("touched")  # so that the next has something to do
    second, again = serve(logs)
    time.sleep(0.7)
    second.kill()
    second.wait()
    _, last = serve(logs, port=int(again.rpartition(":")[2]))
    after = answered(last)

    for part in ("verdict", "judgement", "exit_code", "digests"):
        assert after[part] == before[part]


def test_it_is_ended_politely(logs, serve):
    made, url = serve(logs)
    answered(url)
    made.send_signal(signal.SIGINT)

    assert made.wait(20) in {0, 130}


def test_an_answer_is_there_before_the_request(logs, serve):
    _, url = serve(logs)
    answered(url)
    begun = time.monotonic()
    for _ in range(20):
        assert get(f"{url}/v1/monitor")[0] == 200

    assert (time.monotonic() - begun) / 20 < 1


def test_a_request_that_never_ends_keeps_nobody_waiting(logs, serve):
    _, url = serve(logs)
    answered(url)
    host, port = url.removeprefix("http://").split(":")
    slow = [socket.create_connection((host, int(port))) for _ in range(20)]
    for one in slow:
        one.sendall(b"POST /v1/flagger/gate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nx")

    assert get(f"{url}/healthz")[0] == 200
    for one in slow:
        one.close()


def test_a_real_prometheus_scrapes_it_and_a_rule_fires(logs, serve, tmp_path):
    if shutil.which("prometheus") is None:
        pytest.skip("there is no prometheus on this machine")
    _, url = serve(logs)
    answered(url)
    config = (RECIPES / "prometheus.yml").read_text().replace("127.0.0.1:8000", url.removeprefix("http://"))
    config = "global: {evaluation_interval: 1s}\n" + config.replace(
        "scrape_interval: 30s", "scrape_interval: 1s"
    )
    (tmp_path / "prometheus.yml").write_text(config)
    (tmp_path / "rules.yml").write_text((RECIPES / "rules.yml").read_text())
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        "prometheus",
        f"--config.file={tmp_path}/prometheus.yml",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    scraper = subprocess.Popen(
        [*command, f"--storage.tsdb.path={tmp_path}/data", "--log.level=error"], cwd=tmp_path
    )
    try:
        base = f"http://127.0.0.1:{port}/api/v1"
        said = until(lambda: get(f"{base}/alerts"), lambda s: '"state":"firing"' in s[1])[1]
        alerts = {
            a["labels"]["alertname"] for a in json.loads(said)["data"]["alerts"] if a["state"] == "firing"
        }
        target = json.loads(get(f"{base}/targets")[1])["data"]["activeTargets"][0]
        value = json.loads(get(f"{base}/query?query=mlops_exit_code")[1])["data"]["result"][0]["value"][1]
    finally:
        scraper.terminate()
        scraper.wait()

    assert "ModelUnhealthy" in alerts
    assert (target["health"], target["lastError"]) == ("up", "")
    assert value == "1"
