# The controller in Debian's small image. Build: docker build -t payment-platform-controller .
FROM rust:1.95-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends cmake && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN cargo build --release --locked -j 2 -p payment-platform-controller --bins \
 && cp target/release/payment-platform-controller /payment-platform-controller

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /payment-platform-controller /payment-platform-controller
# glibc keeps less of what was freed; what that saves, and that it costs no speed: docs/performance.md. `make bench` reads it here.
ENV MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=131072
USER 65532:65532
ENTRYPOINT ["/payment-platform-controller"]
