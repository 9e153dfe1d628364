# The style sheets and scripts of the pages.
FROM node:24-slim AS assets
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY static/src static/src
RUN npm run build

# An environment with what the lock pins, and REMAS installed in it.
FROM python:3.11-slim AS installed
WORKDIR /build
COPY requirements.txt ./
RUN python -m venv /opt/remas && /opt/remas/bin/pip install --no-cache-dir -r requirements.txt
COPY . .
COPY --from=assets /build/static/dist static/dist
# With both ways to sign in from elsewhere; what they need is pinned by the other lock.
RUN /opt/remas/bin/pip install --no-cache-dir --no-build-isolation -c requirements-test.txt ".[oidc,ldap]"

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/remas --create-home remas
COPY --from=installed /opt/remas /opt/remas
ENV PATH=/opt/remas/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    REMAS_INSTANCE=/var/lib/remas \
    HOST=0.0.0.0 \
    PORT=8000
USER remas
WORKDIR /var/lib/remas
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=3)"]
CMD ["remas", "serve"]
