"""`nginx`: a `split_clients` block with the shares of the verdict."""

from typing import TextIO

from mlops_cli.result.report import Report


def emit(report: Report, out: TextIO) -> None:
    """Sticky by client, with a fallback key: a missing header must not send all its requests one way."""
    found = report.details["rollout"]
    share = found["current_share"] if report.verdict.traffic is None else report.verdict.traffic
    control, treatment = found["control"] or "off", found["treatment"]
    lines = [
        f"# {report.verdict.action.value}: {report.verdict.reason.partition(' — ')[0]}",
        "# An empty key would send every request without the header to one arm.",
        'map $http_x_request_id $mlops_key { "" $request_id; default $http_x_request_id; }',
        'split_clients "${mlops_key}" $variant {',
    ]
    if 0 < share < 1:
        lines.append(f"    {100 * share:.2f}%  {_word(treatment)};")
    lines += [f"    *  {_word(treatment if share >= 1 else control)};", "}"]
    out.write("\n".join(lines) + "\n")


def _word(name: str) -> str:
    plain = name.replace("\\", "").replace('"', "").replace("\n", " ")
    return plain if plain.replace("-", "").replace("_", "").replace(".", "").isalnum() else f'"{plain}"'
