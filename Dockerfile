# One recipe for every program of ours: docker build --build-arg SERVICE=kis-gateway .
#
# SERVICE  a folder of services/ with dashes for underscores, or `operator`
# BASE     an image with Python 3.11 or 3.12 as `python3` and a bundle of certificates
# BUILD    and COMMON: the stages of these names, or images made of them before; the two digests name what is taken
#          from other stages. Both are for builders that do not keep stages and layers apart well (buildah).
ARG BASE=python:3.11-slim-bookworm
ARG BUILD=build
ARG COMMON=common

# What builds and is in no image: uv, and our code as a wheel.
FROM ${BASE} AS build
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
WORKDIR /src
COPY requirements ./requirements
RUN python3 -m venv /opt/build \
    && /opt/build/bin/pip install --quiet --no-cache-dir --require-hashes -r requirements/bootstrap.txt
COPY pyproject.toml README.md ./
RUN /opt/build/bin/uv pip install --quiet --no-cache --python /opt/build/bin/python \
    --require-hashes --group build -c requirements/lock.txt
COPY libs ./libs
COPY services ./services
COPY operator ./operator
RUN /opt/build/bin/uv build --quiet --wheel --no-build-isolation --python /opt/build/bin/python --out-dir /dist

FROM ${BUILD} AS tools

# What every program needs; one layer of all images.
FROM ${BASE} AS common
ARG DEPENDENCIES_DIGEST=""
RUN groupadd --gid 10001 jennie \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin jennie
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN --mount=type=bind,from=tools,source=/opt/build,target=/opt/build \
    --mount=type=bind,from=tools,source=/src,target=/src \
    --mount=type=cache,target=/root/.cache/uv \
    python3 -m venv --without-pip /opt/venv \
    && cd /src && SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
        /opt/build/bin/uv pip install --quiet --python /opt/venv/bin/python --link-mode copy --compile-bytecode \
        --require-hashes -r pyproject.toml --extra mariadb --extra slack -c requirements/lock.txt

FROM ${COMMON} AS program
ARG SERVICE
# The service's own extra and no other one; who brings the tables to a version needs the migrations' as well.
RUN --mount=type=bind,from=tools,source=/opt/build,target=/opt/build \
    --mount=type=bind,from=tools,source=/src,target=/src \
    --mount=type=cache,target=/root/.cache/uv \
    cd /src && case "${SERVICE:?which one}" in kis-gateway | operator) more="--extra migrations" ;; *) more="" ;; esac \
    && SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
        /opt/build/bin/uv pip install --quiet --python /opt/venv/bin/python --link-mode copy --compile-bytecode \
        --require-hashes -r pyproject.toml --extra "$SERVICE" $more -c requirements/lock.txt
ARG SOURCES_DIGEST=""
# Our code, less that of the other programs.
RUN --mount=type=bind,from=tools,source=/opt/build,target=/opt/build \
    --mount=type=bind,from=tools,source=/dist,target=/dist \
    package=$(echo "$SERVICE" | tr - _ | sed 's/^operator$/prime_jennie_operator/') \
    && /opt/build/bin/uv pip install --quiet --no-cache --no-deps --python /opt/venv/bin/python --link-mode copy /dist/*.whl \
    && cd /opt/venv/lib/python3*/site-packages && test -d "$package" \
    && for folder in $(sed -n 's|/__init__.py,.*||p' prime_jennie-*.dist-info/RECORD | grep -v / ); do \
        case "$folder" in prime_jennie | "$package") ;; *) rm -r "$folder" ;; esac; done \
    && python -m compileall -q prime_jennie "$package" \
    && printf '#!/bin/sh\nexec python -m %s "$@"\n' "$package" > /usr/local/bin/start && chmod 755 /usr/local/bin/start
USER 10001:10001
WORKDIR /tmp
CMD ["start"]
