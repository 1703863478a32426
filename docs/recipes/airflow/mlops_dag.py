"""Judge a day of logs after the job that writes them; stop what follows where the gate fails."""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG(
    "model_gate",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    schedule="@daily",
    catchup=False,
    max_active_runs=1,
) as dag:
    monitor = BashOperator(
        task_id="monitor",
        bash_command="mlops monitor /data/logs --until {{ ds }} -o json=/data/reports/{{ ds }}.json",
        retries=0,  # a verdict is an answer: the same logs would give it again
        skip_on_exit_code=3,  # undecided: what follows is skipped, and nothing has failed
        execution_timeout=timedelta(minutes=30),
    )
    page = BashOperator(
        task_id="page",
        bash_command="mlops report /data/reports/{{ ds }}.json -o html=/data/reports/{{ ds }}.html -q",
        trigger_rule="all_done",  # a failed gate is what people want to look at
        retries=2,
    )
    deploy = BashOperator(task_id="deploy", bash_command="echo the gate has passed")
    monitor >> [page, deploy]
