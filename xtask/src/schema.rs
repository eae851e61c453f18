//! `cargo xtask schema`: Rust code from protobuf schemas, without protoc.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::shell::root;

/// Write the code of the protobuf schemas
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Write nothing; fail if the code is not that of the schemas.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let code = generate()?;
    let path = root().join(CODE);
    if !options.check {
        return fs::write(&path, code).with_context(|| format!("cannot write {CODE}"));
    }
    if fs::read_to_string(&path).ok().as_deref() != Some(code.as_str()) {
        bail!("{CODE} is not the code of {FOLDER}/{SCHEMA}: run `cargo xtask schema`");
    }
    Ok(())
}

fn generate() -> Result<String> {
    let files = protox::compile([SCHEMA], [root().join(FOLDER)])?;
    let requests = files.file.into_iter().map(|file| {
        let module = prost_build::Module::from_protobuf_package_name(file.package());
        (module, file)
    });
    let modules = prost_build::Config::new().generate(requests.collect())?;
    let [code] = <[String; 1]>::try_from(modules.into_values().collect::<Vec<_>>())
        .map_err(|modules| anyhow::anyhow!("{} packages instead of one", modules.len()))?;
    Ok(code)
}

const FOLDER: &str = "crates/linkspan/examples";
const SCHEMA: &str = "detection.proto";
const CODE: &str = "crates/linkspan/examples/generated/detection.rs";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_that_of_the_schema() {
        run(&Options { check: true }).expect("the code is up to date");
    }
}
