# The image: built and tested on Debian 13, run by nobody in particular on a read-only root.
# `make image` builds and runs it as CI does, without a Docker engine.
FROM debian:trixie-slim AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        gcc libc6-dev cmake ninja-build pkg-config librdkafka-dev libavro-dev libhiredis-dev \
        libjansson-dev libmicrohttpd-dev libxxhash-dev uuid-dev libcurl4-openssl-dev libssl-dev \
        libcmocka-dev liblua5.1-0-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cmake -S . -B /build -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DPLANLIFT_WERROR=ON \
        -DCMAKE_INSTALL_PREFIX=/usr \
    && cmake --build /build --target planlift unit_tests
RUN ctest --test-dir /build --label-regex '^unit$' --no-tests=error --output-on-failure -j 2
RUN DESTDIR=/image cmake --install /build --strip

FROM debian:trixie-slim
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="planlift" \
      org.opencontainers.image.description="Decides upgrade requests, from Kafka to Kafka, exactly once" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates librdkafka1 libavro24 libhiredis1.1.0 libjansson4 libmicrohttpd12t64 \
        libxxhash0 libuuid1 libcurl4t64 libssl3t64 \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* /usr/share/doc /usr/share/man \
        /usr/share/locale
COPY --from=build /image/ /
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
ENV PLANLIFT_HTTP_LISTEN=0.0.0.0:8080
EXPOSE 8080
STOPSIGNAL SIGTERM
# For engines that look at it; Kubernetes has probes of its own.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /livez HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
ENTRYPOINT ["planlift"]
CMD ["run"]
