# A database or a cache from Debian's packages, where no registry hands out its own image.
ARG BASE
FROM ${BASE}
ARG PACKAGE
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${PACKAGE}" >/dev/null \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/lib/mysql /var/lib/redis
USER 10001:10001
