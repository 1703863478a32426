import io

from mlops_cli.cli.ci import SUMMARY, publish


def told(report, **environ):
    err = io.StringIO()
    publish(report, {k: str(v) for k, v in environ.items()}, err)
    return err.getvalue()


def test_nothing_is_said_where_there_is_no_runner(reports, tmp_path):
    path = tmp_path / "out"

    assert told(reports.report(), GITHUB_OUTPUT=path) == ""
    assert not path.exists()


def test_the_runner_gets_annotations_a_summary_and_the_verdict(reports, tmp_path):
    summary, out = tmp_path / "summary.md", tmp_path / "out"
    out.write_text("before=1\n")

    said = told(reports.report(), GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=summary, GITHUB_OUTPUT=out)

    assert said.startswith("::error ")
    assert summary.read_text("utf-8").startswith("## mlops monitor: FAIL (exit 1)\n")
    assert out.read_text() == "before=1\nverdict=fix-pipeline\nexit-code=1\n"


def test_a_full_summary_is_not_made_larger(reports, tmp_path):
    summary = tmp_path / "summary.md"
    summary.write_bytes(b"x" * SUMMARY)

    said = told(reports.report(), GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=summary)

    assert said.endswith("mlops: GITHUB_STEP_SUMMARY is full: this run's summary is left out\n")
    assert summary.stat().st_size == SUMMARY


def test_a_file_that_cannot_be_written_is_said(reports, tmp_path):
    said = told(reports.report(), GITHUB_ACTIONS="true", GITHUB_OUTPUT=tmp_path)

    assert said.endswith("mlops: cannot write GITHUB_OUTPUT: Is a directory\n")
