# The image of the action, and of `docker run` on any CI: the command `tryline`, git, certificates.
#
# It uses nothing that only BuildKit knows, so every engine builds it; `make image` builds it also where no image
# registry answers. GitHub asks of an action's image: no USER, no WORKDIR, an ENTRYPOINT in exec form.

# Debian or Ubuntu; where it has no Python, the distribution's is installed.
ARG BASE=python:3.13-slim-bookworm

# ------------------------------------------------------------------------------- built here, and thrown away
FROM ${BASE} AS build
# A package index other than pypi.org. Only this stage knows it; nothing of it is in the image.
ARG PIP_INDEX_URL
WORKDIR /build
RUN set -eu; \
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then \
        apt-get update -qq; \
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 python3-venv >/dev/null; \
    fi; \
    python3 -m venv /build/tools; \
    python3 -m venv --without-pip /opt/tryline
# `ca.pem` is optional (a pattern may match nothing): certificate authorities for the index.
COPY requirements.lock requirements-dev.lock ca.pe[m] ./
RUN set -eu; \
    if [ -f ca.pem ]; then export PIP_CERT=/build/ca.pem; fi; \
    pip() { /build/tools/bin/pip --quiet --no-cache-dir --disable-pip-version-check "$@"; }; \
    pip --python /opt/tryline/bin/python install --require-hashes --only-binary :all: -r requirements.lock; \
    awk '/^[^ ]/ { wanted = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/ } wanted' \
        requirements-dev.lock >backend.lock; \
    pip install --require-hashes --only-binary :all: -r backend.lock
COPY pyproject.toml README.md LICENSE ./
COPY templates templates
COPY bot bot
RUN set -eu; \
    pip() { /build/tools/bin/pip --quiet --no-cache-dir --disable-pip-version-check "$@"; }; \
    pip wheel --no-index --no-deps --no-build-isolation --wheel-dir dist .; \
    pip --python /opt/tryline/bin/python install --no-index --no-deps dist/*.whl

# -------------------------------------------------------------------------------------------------- the image
FROM ${BASE}
# git asks for perl, which only parts of it need that are not called here: it is half of what git weighs.
RUN set -eu; \
    packages="ca-certificates git"; \
    command -v python3 >/dev/null || packages="$packages python3"; \
    apt-get update -qq; \
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null; \
    dpkg --purge --force-depends $(dpkg-query -W -f '${Package}\n' perl 'perl-modules-*' 'libperl5*' liberror-perl \
        git-man 2>/dev/null) >/dev/null; \
    rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf /var/log/* /usr/share/doc /usr/share/man; \
    ln -s /opt/tryline/bin/tryline /usr/local/bin/tryline
COPY --from=build /opt/tryline /opt/tryline
# Official Python images come without bytecode: what the command imports is compiled here, once.
RUN tryline --version
# The workspace is somebody else's: nothing is written beside its modules.
ENV PYTHONDONTWRITEBYTECODE=1
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Tryline" \
      org.opencontainers.image.description="A pull request reviewer that runs the code" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENTRYPOINT ["tryline"]
CMD ["--help"]
