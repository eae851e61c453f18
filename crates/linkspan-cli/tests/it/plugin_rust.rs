//! A plugin in Rust, from its template to an answer.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Place;

#[test]
fn a_plugin_in_rust_is_built_and_answers_and_keeps_to_the_protocol() {
    let place = Place::new();
    let source = repository();
    let told = place.run([
        "plugin",
        "new",
        "--lang",
        "rust",
        "word-counter",
        "--linkspan",
        source.to_str().unwrap(),
    ]);
    assert!(told.stderr.contains("cargo install --path . --root ."));
    told.ok();
    let folder = place.path("word-counter");
    build(&folder, &source);

    let arguments = r#"{"name": "Ada"}"#;
    let called = place.run(["plugin", "call", "./word-counter", "greet", arguments]);
    assert_eq!(called.ok().trim(), r#""Hello, Ada!""#);
    let patient = ["--timeout", "20s", "--slack", "10s", "--json"];
    let checked = place.run(["plugin", "check", "./word-counter"].iter().chain(&patient));
    let checked = checked.json();
    assert_eq!(checked["conformant"], true, "{checked}");
    let pinned = place.run(["plugin", "pin", "./word-counter"]).ok();
    // The source does not belong to it.
    assert!(pinned.contains("is pinned with 1 file"), "{pinned}");
}

#[test]
fn it_needs_the_registry_or_the_source() {
    let place = Place::new();
    let new = |more: &[&str]| {
        let arguments = ["plugin", "new", "--lang"].iter().chain(more);
        place.run(arguments)
    };
    new(&["rust", "a"]).ok();
    let cargo = fs::read_to_string(place.path("a/Cargo.toml")).unwrap();
    let version = format!("linkspan = {{ version = \"{}\",", env!("CARGO_PKG_VERSION"));
    assert!(cargo.contains(&version), "{cargo}");
    let wrong = new(&["rust", "b", "--linkspan", "/usr"]).fails(2);
    assert!(wrong.contains("is not the source of Linkspan"), "{wrong}");
    let wrong = new(&["python", "b", "--linkspan", "/usr"]).fails(2);
    assert!(wrong.contains("for plugins in Rust"), "{wrong}");
    assert!(!place.path("b").exists());
}

/// Builds a plugin as its manifest says, by what the workspace was built with.
fn build(folder: &Path, source: &Path) {
    fs::copy(source.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args([
            "install",
            "--path",
            ".",
            "--root",
            ".",
            "--debug",
            "--offline",
        ])
        .current_dir(folder)
        // What is built there stays for the next time.
        .env("CARGO_TARGET_DIR", source.join("target/plugin-template"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
}

fn repository() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.join("../..").canonicalize().unwrap()
}
