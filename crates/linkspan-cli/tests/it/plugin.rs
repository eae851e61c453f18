//! `linkspan plugin`, and the section `plugins`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::support::{Place, Ran};

/// A place with a configuration that names two directories for plugins.
fn place() -> Place {
    let place = Place::new();
    let text = format!(
        "plugins:\n  plugin_directories: [{}, {}]\n  interpreters: {{ python3: /bin/sh }}\n",
        place.path("own").display(),
        place.path("shared").display()
    );
    place.write("linkspan.yaml", &text);
    place
}

#[track_caller]
fn plugin<const N: usize>(place: &Place, arguments: [&str; N]) -> Ran {
    place.run(["plugin"].iter().chain(&arguments))
}

/// Begins a plugin and pins it.
#[track_caller]
fn begin(place: &Place, name: &str) {
    plugin(place, ["new", "--lang", "python", name]).ok();
    plugin(place, ["pin", name]).ok();
}

#[test]
fn a_plugin_is_begun_pinned_installed_listed_and_removed() {
    let place = place();
    let told = plugin(&place, ["new", "--lang", "python", "greeter"]).ok();
    assert!(told.contains("greeter is in greeter"), "{told}");
    let unpinned = plugin(&place, ["install", "greeter"]).fails(5);
    assert!(unpinned.contains("plugin pin DIR"), "{unpinned}");
    let told = plugin(&place, ["pin", "greeter"]).ok();
    assert!(told.starts_with("greeter 0.1.0 is pinned with "), "{told}");
    let manifest = fs::read_to_string(place.path("greeter/plugin.toml")).unwrap();
    assert!(manifest.starts_with("# What hosts know") && manifest.contains("\"main.py\" = \""));
    place.write("greeter/notes.txt", "not included");

    plugin(&place, ["install", "greeter"]).ok();
    let installed = place.path("own/greeter");
    let names = fs::read_dir(&installed).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["linkspan_plugin", "main.py", "plugin.toml"]);
    for (name, mode) in [("", 0o755), ("main.py", 0o644), ("plugin.toml", 0o644)] {
        let metadata = fs::metadata(installed.join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o7777, mode, "{name}");
    }
    assert_eq!(
        fs::read_dir(place.path("own")).unwrap().count(),
        1,
        "nothing is left over"
    );

    let listed = plugin(&place, ["list"]).ok();
    assert!(
        listed.contains("greeter") && listed.contains("strict"),
        "{listed}"
    );
    let listed = plugin(&place, ["list", "--json"]).json();
    assert_eq!(listed["found"][0]["name"], "greeter");
    assert_eq!(listed["found"][0]["pinned"], true);
    assert_eq!(listed["missing"], json!([place.path("shared")]));

    let again = plugin(&place, ["install", "greeter"]).fails(2);
    assert!(
        again.contains("0.1.0 is installed already") && again.contains("--replace"),
        "{again}"
    );
    let text = manifest.replace("0.1.0", "0.2.0");
    place.write("greeter/plugin.toml", &text);
    let told = plugin(&place, ["install", "greeter", "--replace"]).ok();
    assert!(
        told.contains("0.2.0") && told.contains("in place of 0.1.0"),
        "{told}"
    );
    assert_eq!(
        fs::read_dir(place.path("own")).unwrap().count(),
        1,
        "the former one is gone"
    );
    plugin(&place, ["install", "greeter", "--to", "shared"]).ok();

    plugin(&place, ["remove", "greeter"]).ok();
    assert!(!installed.exists() && place.path("shared/greeter").exists());
    plugin(&place, ["remove", "greeter"]).ok();
    let gone = plugin(&place, ["remove", "greeter"]).fails(2);
    assert!(gone.contains("there is no plugin greeter"), "{gone}");
    let none = plugin(&place, ["list"]);
    assert!(none.stderr.contains("there are no plugins in"), "{none:?}");
}

#[test]
fn inspect_shows_what_a_plugin_says_and_what_verification_says() {
    let place = place();
    begin(&place, "greeter");
    let told = plugin(&place, ["inspect", "./greeter"]).ok();
    for words in [
        "Greets people.",
        "python3 main.py",
        "strict",
        "max_memory_mb 128",
        "verified: ",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let told = plugin(&place, ["inspect", "greeter", "--json"]).json();
    assert_eq!(told["methods"]["greet"]["pure"], true);
    assert_eq!(
        told["methods"]["greet"]["input"]["required"],
        json!(["name"])
    );
    assert_eq!(told["verification"]["taken"], true);
    let files = told["verification"]["files"].as_array().unwrap();
    assert_eq!(files[0]["path"], "linkspan_plugin/__init__.py");
    assert_eq!(files.last().unwrap()["path"], "main.py");

    place.write("greeter/main.py", "import os");
    let told = plugin(&place, ["inspect", "greeter"]).ok();
    assert!(told.contains("not taken: main.py was changed"), "{told}");
    let check = plugin(&place, ["pin", "--check", "greeter"]).fails(1);
    assert!(check.contains("greeter is not as it was pinned"), "{check}");
    let check = plugin(&place, ["pin", "--check", "greeter", "--json"]);
    assert!(
        check
            .stdout
            .contains(r#"{"path":"main.py","is":"changed"}"#),
        "{check:?}"
    );
    plugin(&place, ["pin", "greeter"]).ok();
    plugin(&place, ["pin", "--check", "greeter"]).ok();

    plugin(&place, ["pin", "--remove", "greeter"]).ok();
    let told = plugin(&place, ["inspect", "greeter", "--json"]).json();
    assert_eq!(told["verification"]["taken"], false);
    let told = plugin(&place, ["inspect", "greeter", "--unpinned"]).ok();
    assert!(told.contains("not pinned"), "{told}");
    fs::set_permissions(place.path("greeter"), Permissions::from_mode(0o777)).unwrap();
    let told = plugin(&place, ["inspect", "greeter", "--unpinned"]).ok();
    assert!(
        told.contains("writable by others") && told.contains("chmod go-w"),
        "{told}"
    );
    let missing = plugin(&place, ["inspect", "other"]).fails(2);
    assert!(missing.contains("there is no plugin other"), "{missing}");
}

#[test]
fn what_is_wrong_is_listed_with_its_reason_and_remedy() {
    let place = place();
    begin(&place, "greeter");
    for to in ["own", "shared"] {
        plugin(&place, ["install", "greeter", "--to", to]).ok();
    }
    fs::create_dir(place.path("own/wrong")).unwrap();
    place.write(
        "own/wrong/plugin.yaml",
        "format: 1\nname: wrong\nvresion: 1\n",
    );
    let listed = plugin(&place, ["list"]).ok();
    for words in [
        "plugin.yaml:3: unknown key `vresion`: did you mean `version`?",
        "own/greeter has a plugin greeter, too, and comes first",
        "hint: remove one of them",
    ] {
        assert!(listed.contains(words), "{words}: {listed}");
    }
    let listed = plugin(&place, ["list", "--json"]).json();
    let refused = listed["refused"].as_array().unwrap();
    assert_eq!(refused.len(), 2);
    assert_eq!(refused[0]["name"], json!(null));
    assert_eq!(refused[1]["name"], "greeter");
    let inspected = plugin(&place, ["inspect", "own/wrong"]).fails(3);
    assert!(
        inspected.contains("plugin.yaml:3: unknown key"),
        "{inspected}"
    );
    plugin(&place, ["remove", "wrong"]).ok();
    assert!(!place.path("own/wrong").exists());
}

#[test]
fn manifests_in_yaml_are_pinned_too() {
    let place = place();
    fs::create_dir(place.path("a")).unwrap();
    let text = "# Mine\nformat: 1\nname: a\nversion: 1.0.0 # the first\nprotocol: 1\nentry: { binary: run }\n";
    place.write("a/plugin.yaml", text);
    let missing = plugin(&place, ["pin", "a"]).fails(5);
    assert!(missing.contains("there is no run"), "{missing}");
    place.write("a/run", "");
    plugin(&place, ["pin", "a"]).ok();
    let pinned = fs::read_to_string(place.path("a/plugin.yaml")).unwrap();
    assert!(
        pinned.starts_with(text) && pinned.contains("files:\n  \"run\": e3b0c442"),
        "{pinned}"
    );
    plugin(&place, ["inspect", "a"]).ok();
    plugin(&place, ["pin", "--remove", "a"]).ok();
    assert_eq!(
        fs::read_to_string(place.path("a/plugin.yaml")).unwrap(),
        text
    );
    place.write(
        "a/plugin.yaml",
        &format!(
            "{{{}}}",
            text.lines()
                .skip(1)
                .map(|line| { line.split(" #").next().unwrap() })
                .collect::<Vec<_>>()
                .join(", ")
        ),
    );
    let braces = plugin(&place, ["pin", "a"]).fails(3);
    assert!(braces.contains("without braces"), "{braces}");
}

#[test]
fn names_and_places_are_checked_before_anything_is_made() {
    let place = place();
    let wrong = plugin(&place, ["new", "--lang", "python", "Greeter"]).fails(2);
    assert!(
        wrong.contains("does not begin with a letter from a to z"),
        "{wrong}"
    );
    assert!(!place.path("Greeter").exists());
    begin(&place, "greeter");
    let there = plugin(&place, ["new", "--lang", "python", "greeter"]).fails(2);
    assert!(there.contains("is there already"), "{there}");
    plugin(&place, ["new", "--lang", "cobol", "other"]).fails(2);
    plugin(&place, ["remove", "../greeter"]).fails(2);
    let relative = place.path("relative.yaml");
    fs::write(&relative, "plugins:\n  interpreters: { ruby: bin/ruby }\n").unwrap();
    let told = place
        .run(["config", "check", "-c", "relative.yaml"])
        .fails(3);
    assert!(
        told.contains("ruby: bin/ruby is not an absolute path"),
        "{told}"
    );
}

#[test]
fn mistakes_in_the_section_are_shown_where_they_are() {
    let place = place();
    for (text, at, words) in [
        (
            "plugins: { max_plugin: 3 }\n",
            ":1:12",
            "did you mean `max_plugins`?",
        ),
        (
            "plugins: { load: [Indexer] }\n",
            ":1:12",
            "does not begin with a letter from a to z",
        ),
        (
            "plugins:\n  grants: { indexer: ['bus.publsh:index/#'] }\n",
            ":2:13",
            "\"bus.publsh\" is no action",
        ),
        (
            "plugins: { grants: { a: ['net.connect:example.org:443'] } }\n",
            ":1:22",
            "needs plugins.sandbox.network_access: true",
        ),
        (
            "plugins: { sandbox: { sandbox_type: None, isolated_filesystem: true } }\n",
            ":1:43",
            "needs the sandbox_type Container",
        ),
        (
            "plugins: { sandbox: { sandbox_type: Container, isolated_filesystem: no } }\n",
            ":1:48",
            "a Container has its own files",
        ),
        (
            "plugins: { instances: { a: 65 } }\n",
            ":1:25",
            "from 1 to 64",
        ),
        (
            "plugins: { resource_limits: { max_files: 3 } }\n",
            ":1:31",
            "3 is below the least of 16",
        ),
    ] {
        place.write("wrong.yaml", text);
        let complaint = place.run(["config", "check", "-c", "wrong.yaml"]).fails(3);
        assert!(
            complaint.contains(&format!("wrong.yaml{at}")),
            "{text}{complaint}"
        );
        assert!(complaint.contains(words), "{text}{complaint}");
    }
}
