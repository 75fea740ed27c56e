//! How the released binary is linked on glibc: what it takes of memory is mostly its own pages.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|set| set == value);
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        // Relocations in some kilobytes instead of megabytes, all of which are read at the start (glibc 2.36 and later).
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
        // Functions with the same code are one: the SDK is full of them.
        println!("cargo::rustc-link-arg-bins=-Wl,--icf=all");
    }
}
