//! `linkspan plugin check`, and what the commands say where there is no plugin.

use crate::support::{Place, Ran};

#[track_caller]
fn plugin<const N: usize>(place: &Place, arguments: [&str; N]) -> Ran {
    place.run(["plugin"].iter().chain(&arguments))
}

#[test]
fn a_plugin_that_was_begun_is_checked_unpinned() {
    let place = Place::new();
    plugin(&place, ["new", "--lang", "python", "greeter"]).ok();
    let asked = ["check", "greeter", "--timeout", "20s", "--slack", "10s"];
    let clauses = [
        "--clause",
        "describe",
        "--clause",
        "busy",
        "--clause",
        "end-of-file",
    ];
    let arguments = || ["plugin"].into_iter().chain(asked).chain(clauses);
    let told = place.run(arguments()).ok();
    for words in ["ok    describe", "ok    end-of-file", "skip  busy"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let told = place.run(arguments().chain(["--json"])).json();
    assert_eq!(told["conformant"], true);
    let clauses = told["clauses"].as_array().unwrap();
    let verdicts: Vec<_> = clauses
        .iter()
        .map(|clause| clause["verdict"].as_str())
        .collect();
    assert_eq!(
        verdicts,
        [Some("kept"), Some("skipped"), Some("kept")],
        "{told}"
    );
}

#[test]
fn what_is_broken_is_told_with_what_was_expected() {
    let place = Place::new();
    plugin(&place, ["new", "--lang", "python", "greeter"]).ok();
    let manifest = std::fs::read_to_string(place.path("greeter/plugin.toml")).unwrap();
    place.write("greeter/plugin.toml", &manifest.replace("0.1.0", "0.2.0"));
    let arguments = [
        "plugin",
        "check",
        "./greeter",
        "--clause",
        "describe",
        "--clause",
        "live",
    ];
    let ran = place.run(arguments.iter().chain(&["--timeout", "20s"]));
    for words in [
        "FAIL  describe",
        "expected: version 0.2.0",
        "found:    0.1.0",
        "ok    live",
    ] {
        assert!(ran.stdout.contains(words), "{words}: {ran:?}");
    }
    let complaint = ran.fails(1);
    assert!(
        complaint.contains("greeter breaks 1 clause of the protocol"),
        "{complaint}"
    );
    let ran = place.run(arguments.iter().chain(&["--json"]));
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(told["clauses"][0]["expected"], "version 0.2.0", "{ran:?}");
    assert_eq!((ran.code, &told["conformant"]), (Some(1), &false.into()));
}

#[test]
fn clauses_are_listed_and_misspelt_ones_are_known() {
    let place = Place::new();
    let listed = plugin(&place, ["check", "--list"]).ok();
    assert!(
        listed.contains("end-of-file-in-call") && listed.contains("23.1"),
        "{listed}"
    );
    let listed = plugin(&place, ["check", "--list", "--json"]).json();
    assert_eq!(listed["clauses"][0]["clause"], "by-hand");
    let wrong = plugin(&place, ["check", "nothing", "--clause", "lvie"]).fails(2);
    assert!(wrong.contains("did you mean live?"), "{wrong}");
}

#[test]
fn where_there_is_no_plugin_is_wrong_usage_for_every_command() {
    let place = Place::new();
    std::fs::create_dir(place.path("empty")).unwrap();
    for command in ["check", "inspect", "install", "pin"] {
        for folder in ["./nothing", "./empty"] {
            let told = plugin(&place, [command, folder]).fails(2);
            assert!(
                told.contains(&format!("there is no plugin in {folder}")),
                "{command}: {told}"
            );
            assert!(told.contains("hint: "), "{command}: {told}");
        }
    }
    for command in ["check", "inspect", "remove"] {
        let told = plugin(&place, [command, "nothing"]).fails(2);
        assert!(
            told.contains("there is no plugin nothing") && told.contains("hint: "),
            "{command}: {told}"
        );
    }
    for command in ["install", "pin"] {
        let told = plugin(&place, [command, "nothing"]).fails(2);
        assert!(
            told.contains("there is no plugin in nothing"),
            "{command}: {told}"
        );
    }
}
