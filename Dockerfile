# The program in an image: docker build -t samelook .
# docker-compose.yml runs it with a Postgres; docs/database.md says how.

FROM python:3.12-slim AS build
# g++ is for the inner loops of matching and for pdqhash; the final image does not have it.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/samelook
ENV PATH=/opt/samelook/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /source
# The packages change seldom and the program often, so they are a layer of their own. The compiled
# lock is the one without the tools of development; what builds the program is pinned in the other.
COPY requirements.lock requirements-compiled.lock ./
RUN pip install --require-hashes -r requirements-compiled.lock \
    && sed -n '/^setuptools==/,/[^\\]$/p' requirements.lock > build.lock \
    && pip install --require-hashes -r build.lock
COPY . .
RUN pip install --no-deps --no-build-isolation .

FROM python:3.12-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/samelook samelook
COPY --from=build /opt/samelook /opt/samelook
ENV PATH=/opt/samelook/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SAMELOOK_DATA_DIR=/var/lib/samelook/data
USER samelook
WORKDIR /var/lib/samelook
# Without SAMELOOK_DATABASE_URL the embedded Postgres keeps its data here.
RUN mkdir --mode=0700 data
VOLUME /var/lib/samelook/data
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["samelook", "db", "shell", "--", "-Atqc", "select 1"]
ENTRYPOINT ["samelook"]
CMD ["--help"]
