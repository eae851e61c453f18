//! What a plugin in Rust begins with.

use std::path::Path;

use crate::failure::{Failure, Kind, Result};

/// Its files; `NAME` stands for its name, `SERVICE` for that as a part of methods, `LINKSPAN` for where
/// the library is.
pub(super) const FILES: &[(&str, &str)] = &[
    ("plugin.toml", include_str!("plugin.toml")),
    ("Cargo.toml", include_str!("Cargo.toml.in")),
    (".gitignore", "/bin\n/target\n/.crates*\n"),
];

/// The folder of its source.
pub(super) const SOURCE_FOLDER: &str = "src";

/// The files there.
pub(super) const SOURCE: &[(&str, &str)] = &[("main.rs", include_str!("main.rs.in"))];

/// A template, filled in.
pub(super) fn fill(template: &str, name: &str, library: &str) -> String {
    template
        .replace("NAME", name)
        .replace("SERVICE", &name.replace('-', "_"))
        .replace("LINKSPAN", library)
}

/// Where the library comes from: this program's version of it, or its source in a directory, which is
/// that of the crate or of the repository.
pub(super) fn library(source: Option<&Path>) -> Result<String> {
    let Some(source) = source else {
        return Ok(format!("version = {:?}", env!("CARGO_PKG_VERSION")));
    };
    let places = [source.join("crates/linkspan"), source.to_owned()];
    let is_crate = |place: &&std::path::PathBuf| place.join("src/plugin/guest").is_dir();
    let Some(found) = places.iter().find(is_crate) else {
        let message = format!("{} is not the source of Linkspan", source.display());
        return Err(Failure::message(Kind::Usage, message)
            .hint("name the directory of its repository, or of the crate linkspan in it"));
    };
    let found = found.canonicalize().map_err(anyhow::Error::from)?;
    let path = found.to_str().ok_or_else(|| {
        let message = format!("the path {} is not text", found.display());
        Failure::message(Kind::Usage, message)
    })?;
    Ok(format!("path = {}", toml_edit::Value::from(path)))
}
