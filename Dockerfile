# One image for all of Prefloop's processes: `prefloop serve`, `prefloop worker`, `prefloop migrate`.
# docker-compose.yml starts them together.

FROM node:22-slim AS front-end
WORKDIR /front-end
COPY package.json package-lock.json ./
COPY scripts/front_end.sh scripts/
RUN bash scripts/front_end.sh /usr/local/bin static/vendor

FROM python:3.11-slim AS libraries
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
# PyTorch's CPU build. With NVIDIA GPUs, take the one with CUDA, gigabytes larger:
#   docker compose build --build-arg TORCH_INDEX=https://pypi.org/simple
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install --index-url "${TORCH_INDEX}" "torch>=2.9,<2.14"
# pyproject.toml alone brings the libraries and the `prefloop` command; a change of the code leaves this layer as it is.
WORKDIR /build
COPY pyproject.toml ./
RUN pip install .

FROM python:3.11-slim
RUN useradd --system --create-home --uid 10001 prefloop \
    && install --directory --owner=prefloop --group=prefloop /data
COPY --from=libraries /opt/venv /opt/venv
# The code runs from its folder: templates, static files and migrations are found beside the package `app`.
WORKDIR /srv/prefloop
COPY alembic.ini ./
COPY migrations migrations
COPY templates templates
COPY static static
COPY --from=front-end /front-end/static/vendor static/vendor
COPY trainer trainer
COPY app app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/srv/prefloop \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PREFLOOP_DATA_DIR=/data
USER prefloop
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["prefloop", "serve", "--host", "0.0.0.0", "--port", "8000"]
