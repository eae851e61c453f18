//! Notes the compiler's version, and compiles the schema of the tonic peer without protoc.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=proto");
    println!("cargo::rustc-env=BENCH_RUSTC={}", compiler());
    #[cfg(feature = "peers")]
    {
        let files = protox::compile(["echo.proto"], ["proto"]).expect("the schema is right");
        tonic_prost_build::configure()
            .bytes(".")
            .compile_fds(files)
            .expect("code can be written");
    }
}

fn compiler() -> String {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = Command::new(rustc).arg("--version").output();
    let version = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&version).trim().to_owned()
}
