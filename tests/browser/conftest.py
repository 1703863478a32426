"""A real browser: Debian's chromium with Playwright; without either, these tests are skipped with the reason."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def tab(browser):
    """A page without a network, and what its console said."""
    with browser.new_context(viewport={"width": 1280, "height": 900}, offline=True) as context:
        page = context.new_page()
        page.said = []
        page.on("console", lambda m: page.said.append(f"{m.type}: {m.text}"))
        page.on("pageerror", lambda e: page.said.append(f"error: {e}"))
        yield page


@pytest.fixture(scope="session")
def sample_page(tmp_path_factory):
    """The page of the sample logs."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    run = [sys.executable, "-m", "mlops_cli", "report", str(ROOT / "sample_logs"), "-o", f"html={path}"]
    subprocess.run([*run, "-q", "--no-state", "--isolated"], check=True, capture_output=True, cwd=path.parent)
    return path


def day(number, missing=0.0, rows=300):
    """Predictions of one day as JSON lines; every 1/`missing`-th row lacks its feature."""
    out = []
    for i in range(rows):
        seconds = i * 86_400 // rows
        amount = "null" if i % 100 < 100 * missing else f"{(i * 37) % 100 / 10 + 1}"
        out.append(
            f'{{"request_id": "d{number}-{i}", "timestamp": "2026-10-{number:02d}T{seconds // 3600:02d}:'
            f'{seconds // 60 % 60:02d}:{seconds % 60:02d}Z", "features": {{"amount": {amount}}}, '
            f'"score": {(i * 13) % 100 / 100}, "prediction": {str(i % 4 == 0).lower()}, "latency_ms": {20 + i % 7}}}'
        )
    return "\n".join(out) + "\n"


@pytest.fixture
def growing(tmp_path):
    """A folder of twelve calm days, one file a day, and a function that writes a further one."""
    folder = tmp_path / "logs"
    folder.mkdir()

    def write(number, **how):
        (folder / f"2026-10-{number:02d}.jsonl").write_text(day(number, **how))

    for number in range(1, 13):
        write(number)
    return folder, write


@pytest.fixture
def started(tmp_path):
    """Runs a command that serves, and gives its address; ends it afterwards."""
    running = []

    def start(*arguments, env=None):
        run = subprocess.Popen(
            [sys.executable, "-m", "mlops_cli", *arguments],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            env=env,
        )
        running.append(run)
        line = run.stderr.readline()
        assert "serving at http://" in line, line + run.stderr.read()
        return run, line.split()[-1]

    yield start
    for run in running:
        run.kill()
        run.wait()
        run.stderr.close()
