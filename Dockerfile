# Not built by our own tests: their machines have no container engine. Build and run:
#   docker build -t mlops .
#   docker run --rm --read-only --tmpfs /tmp --cap-drop ALL --network none -v "$PWD/logs:/logs:ro" mlops monitor /logs
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY mlops_cli ./mlops_cli
RUN python -m venv /opt/mlops && /opt/mlops/bin/pip install --no-cache-dir ".[serve]"

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin mlops
COPY --from=build /opt/mlops /opt/mlops
# The root file system may be read-only: what is cached lies in /tmp, which is a tmpfs then (or a volume, to be kept).
ENV PATH=/opt/mlops/bin:$PATH PYTHONDONTWRITEBYTECODE=1 MLOPS_STATE=/tmp/mlops HOME=/tmp
WORKDIR /work
USER 10001:10001
ENTRYPOINT ["mlops"]
CMD ["--help"]
