"""FORMATS: whose log files can be read; the order decides between two that are equally sure."""

from mlops_cli.logs.format import Format
from mlops_cli.registry import Registry

FORMATS: Registry[Format] = Registry(
    "log format",
    "mlops_cli.logs.formats",
    {
        "parquet": "parquet:FORMAT",
        "bentoml": "bentoml:FORMAT",
        "bentoml-schema": "bentoml:SCHEMA",
        "bentoml-access": "bentoml_access:FORMAT",
        "otlp": "otlp:FORMAT",
        "sagemaker": "sagemaker:FORMAT",
        "nginx": "nginx:FORMAT",
        "nginx-json": "nginx_json:FORMAT",
        "uvicorn": "uvicorn:FORMAT",
        "ray-serve": "ray_serve:FORMAT",
        "jsonl": "jsonl:FORMAT",
        "csv": "csv:FORMAT",
    },
)
