//! Compiles the schema of the tonic peer, without protoc.

fn main() {
    println!("cargo::rerun-if-changed=proto");
    #[cfg(feature = "peers")]
    {
        let files = protox::compile(["echo.proto"], ["proto"]).expect("the schema is right");
        tonic_prost_build::configure()
            .bytes(".")
            .compile_fds(files)
            .expect("code can be written");
    }
}
