//! What the fuzzer has found worth keeping, run once more.

use std::path::Path;
use std::{fs, panic};

use linkspan_test::fuzz::{TARGETS, Target, target};

#[test]
fn no_property_is_broken_by_the_stored_corpus_of_any_target() {
    for target in TARGETS {
        replay(target);
    }
}

#[test]
fn every_stored_corpus_belongs_to_a_target() {
    for folder in fs::read_dir(corpus()).unwrap() {
        let name = folder.unwrap().file_name();
        let name = name.to_str().unwrap();
        assert!(target(name).is_some(), "no target is named {name}");
    }
}

fn replay(target: &Target) {
    let folder = corpus().join(target.name);
    let inputs = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", folder.display()));
    let mut replayed = 0;
    for input in inputs {
        let path = input.unwrap().path();
        let data = fs::read(&path).unwrap();
        let result = panic::catch_unwind(|| (target.run)(&data));
        assert!(result.is_ok(), "{} breaks a property", path.display());
        replayed += 1;
    }
    assert!(replayed > 0, "{} is empty", folder.display());
}

fn corpus() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus"))
}
