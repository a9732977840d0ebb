# One image for everything: the database, the deploy job and the daemons, told apart by their command.
# The Debian packages are those of daemons/neanelu/platform/packages.txt, which the embedded server uses too.

FROM debian:forky-slim AS platform
ENV LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
COPY daemons/neanelu/platform/packages.txt /tmp/packages.txt
# postgresql-common would make a cluster of its own at installation.
RUN mkdir -p /etc/postgresql-common \
 && echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf \
 && apt-get update \
 && grep -v '^#' /tmp/packages.txt \
    | xargs apt-get install -y --no-install-recommends ca-certificates tzdata python3 \
 && rm -rf /var/lib/apt/lists/* /tmp/packages.txt
ENV PATH=/opt/neanelu/bin:/usr/lib/postgresql/18/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

FROM platform AS build
RUN apt-get update && apt-get install -y --no-install-recommends python3-venv && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/neanelu
WORKDIR /src
COPY pyproject.toml requirements.lock requirements-local.txt README.md LICENSE ./
COPY daemons ./daemons
RUN pip install --no-cache-dir --constraint requirements.lock . \
 && pip install --no-cache-dir --no-deps --requirement requirements-local.txt \
 && mkdir /extension \
 && python -c "from pathlib import Path; from neanelu.platform.distribution import add_pgmq; add_pgmq(Path('/extension'))"

FROM platform
LABEL org.opencontainers.image.title="Neanelu" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/neanelu /opt/neanelu
COPY --from=build /extension/ /usr/share/postgresql/18/extension/
COPY sqitch.plan sqitch.conf /srv/neanelu/
COPY db /srv/neanelu/db
COPY docker/database.sh docker/deploy.sh /usr/local/bin/
RUN useradd --system --create-home --home-dir /var/lib/neanelu neanelu \
 && install -d -o postgres -g postgres -m 0700 /var/lib/postgresql/data \
 && install -d -o neanelu -g neanelu -m 0700 /var/spool/neanelu
ENV NEANELU_PROJECT_DIR=/srv/neanelu PYTHONUNBUFFERED=1
WORKDIR /srv/neanelu
USER neanelu
CMD ["neanelu", "--help"]
