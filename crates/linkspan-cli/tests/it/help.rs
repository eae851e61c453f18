//! Help, completions and manual pages.

use crate::support::Place;

#[test]
fn every_command_has_help_with_an_explanation() {
    let place = Place::new();
    let commands: [&[&str]; 58] = [
        &[],
        &["up"],
        &["call"],
        &["status"],
        &["transport"],
        &["transport", "status"],
        &["transport", "monitor"],
        &["transport", "analyze"],
        &["transport", "test"],
        &["transport", "switch"],
        &["transport", "recommend"],
        &["exchange"],
        &["exchange", "serve"],
        &["exchange", "send"],
        &["bus"],
        &["bus", "serve"],
        &["bus", "pub"],
        &["bus", "sub"],
        &["bus", "send"],
        &["bus", "notify"],
        &["bus", "call"],
        &["bus", "clients"],
        &["bus", "topics"],
        &["bus", "stats"],
        &["bus", "tap"],
        &["bus", "bench"],
        &["daemon"],
        &["daemon", "list"],
        &["daemon", "status"],
        &["daemon", "stop"],
        &["daemon", "logs"],
        &["plugin"],
        &["plugin", "list"],
        &["plugin", "inspect"],
        &["plugin", "new"],
        &["plugin", "pin"],
        &["plugin", "install"],
        &["plugin", "remove"],
        &["plugin", "start"],
        &["plugin", "stop"],
        &["plugin", "restart"],
        &["plugin", "reload"],
        &["plugin", "call"],
        &["plugin", "logs"],
        &["key"],
        &["key", "new"],
        &["key", "rotate"],
        &["key", "list"],
        &["token"],
        &["token", "issue"],
        &["token", "inspect"],
        &["token", "revoke"],
        &["token", "list"],
        &["config"],
        &["config", "show"],
        &["doctor"],
        &["completions"],
        &["man"],
    ];
    for command in commands {
        let help = place.run(command.iter().copied().chain(["--help"])).ok();
        assert!(help.contains("Usage: linkspan"), "{help}");
        assert!(help.lines().next().unwrap().len() > 20, "{help}");
    }
    assert!(place.run(["--help"]).ok().contains("Exit codes"));
    assert!(place.run(["--version"]).ok().starts_with("linkspan 0."));
}

#[test]
fn completions_are_scripts_that_shells_take() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.run(["completions", shell]).ok();
        assert!(script.contains("transport"), "{shell}");
        if shell == "bash" {
            place.write("completions.bash", &script);
            let check = "source ./completions.bash && complete -p linkspan";
            let mut bash = std::process::Command::new("bash");
            bash.args(["-c", check]).current_dir(place.path(""));
            assert!(bash.status().unwrap().success());
        }
    }
}

#[test]
fn manual_pages_are_written_for_all_commands() {
    let place = Place::new();
    assert!(place.run(["man"]).ok().contains(".TH linkspan"));
    place.run(["man", "--directory", "pages"]).ok();
    for page in ["linkspan.1", "linkspan-up.1", "linkspan-transport-test.1"] {
        assert!(place.path("pages").join(page).is_file(), "{page}");
    }
}
