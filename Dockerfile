# The controller as a static binary in an empty image. Build: docker build -t payment-platform-controller .
FROM rust:1.95-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends musl-tools cmake && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
# rust-toolchain.toml may name another patch version than the image has: the target is for the one that builds.
RUN target="$(uname -m)-unknown-linux-musl" \
 && rustup target add "$target" \
 && CC=musl-gcc cargo build --release --locked -j 2 --target "$target" -p payment-platform-controller \
 && cp "target/$target/release/payment-platform-controller" /payment-platform-controller

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /payment-platform-controller /payment-platform-controller
USER 65532:65532
ENTRYPOINT ["/payment-platform-controller"]
