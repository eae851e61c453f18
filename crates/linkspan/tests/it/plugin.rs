//! Plugins in real folders: what is taken, and why something is not.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use linkspan::plugin::{
    Config, Digest, Discovery, Pins, PluginPath, Refusal, Verified, hash_files,
};

/// Directories of plugins.
struct Plugins {
    base: tempfile::TempDir,
    config: Config,
}

impl Plugins {
    fn new() -> Self {
        let base = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        for name in ["first", "second"] {
            let directory = base.path().join(name);
            fs::create_dir(&directory).unwrap();
            set_mode(&directory, 0o755);
            config.directories.push(directory);
        }
        config.interpreters = [("shell".to_owned(), PathBuf::from("/bin/sh"))].into();
        Self { base, config }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.base.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        let folder = path.parent().unwrap();
        if !folder.exists() {
            fs::create_dir_all(folder).unwrap();
            set_mode(folder, 0o755);
        }
        fs::write(&path, text).unwrap();
        set_mode(&path, 0o644);
    }

    /// A plugin with two files, in a folder of its name.
    fn add(&self, directory: &str, name: &str) -> PathBuf {
        let folder = format!("{directory}/{name}");
        self.write(&format!("{folder}/bin/main"), "the program");
        self.write(&format!("{folder}/words.txt"), "hello");
        self.manifest(&folder, name, "");
        let path = self.path(&folder);
        self.pin(&path);
        path
    }

    fn manifest(&self, folder: &str, name: &str, more: &str) {
        let text = format!(
            "format: 1\nname: {name}\nversion: 1.0.0\nprotocol: 1\nentry: {{ binary: bin/main }}\n{more}"
        );
        self.write(&format!("{folder}/plugin.yaml"), &text);
    }

    /// Adds the hashes of all files to the manifest.
    fn pin(&self, folder: &Path) {
        let path = folder.join("plugin.yaml");
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("files:\n");
        for (file, digest) in hash_files(folder, &self.config).unwrap() {
            text.push_str(&format!("  {file}: {digest}\n"));
        }
        fs::write(&path, text).unwrap();
    }

    #[track_caller]
    fn refusal(&self, folder: &Path) -> Refusal {
        match Verified::open(folder, &self.config) {
            Ok(_) => panic!("{} is taken", folder.display()),
            Err(refusal) => refusal,
        }
    }

    /// Why a plugin is refused, and what can be done about it.
    #[track_caller]
    fn refused(&self, folder: &Path) -> String {
        let refusal = self.refusal(folder);
        format!("{refusal}; {}", refusal.remedy().unwrap_or_default())
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_plugin_is_verified_and_copied() {
    let plugins = Plugins::new();
    let folder = plugins.add("first", "greeter");
    set_mode(&folder.join("bin/main"), 0o755);
    let verified = Verified::open(&folder, &plugins.config).unwrap();
    assert!(verified.is_pinned() && verified.interpreter().is_none());
    let files: Vec<_> = verified.files().collect();
    let facts: Vec<_> = files
        .iter()
        .map(|(path, file)| (path.as_str(), file.length, file.is_executable))
        .collect();
    assert_eq!(facts, [("bin/main", 11, true), ("words.txt", 5, false)]);
    assert_eq!(files[1].1.digest, Digest::of(b"hello"));
    let mut copied = Vec::new();
    verified.copy_entry(&mut copied).unwrap();
    assert_eq!(copied, b"the program");
    let words: PluginPath = "words.txt".parse().unwrap();
    let mut copied = Vec::new();
    verified.copy_file(&words, &mut copied).unwrap();
    assert_eq!(copied, b"hello");
    let other = verified.copy_file(&"plugin.yaml".parse().unwrap(), &mut copied);
    assert!(matches!(other, Err(Refusal::Missing { .. })), "{other:?}");

    let again = Verified::open(&folder, &plugins.config).unwrap();
    assert_eq!(again.digest(), verified.digest());
    let moved = plugins.add("second", "other");
    let other = Verified::open(&moved, &plugins.config).unwrap();
    assert_ne!(other.digest(), verified.digest());
}

#[test]
fn what_is_changed_after_it_was_verified_is_not_copied() {
    let plugins = Plugins::new();
    let folder = plugins.add("first", "greeter");
    let words: PluginPath = "words.txt".parse().unwrap();
    let changed = |result: Result<(), Refusal>| {
        assert!(matches!(result, Err(Refusal::Changed { .. })), "{result:?}");
    };
    let verified = Verified::open(&folder, &plugins.config).unwrap();
    for text in ["the PROGRAM", "the program and more", "the"] {
        fs::write(folder.join("bin/main"), text).unwrap();
        changed(verified.copy_entry(&mut Vec::new()));
    }
    // Another file in its place changes nothing: what was verified is open.
    fs::write(folder.join("bin/main"), "the program").unwrap();
    fs::write(folder.join("bin/new"), "another one").unwrap();
    fs::rename(folder.join("bin/new"), folder.join("bin/main")).unwrap();
    let mut copied = Vec::new();
    verified.copy_entry(&mut copied).unwrap();
    assert_eq!(copied, b"the program");

    fs::write(folder.join("words.txt"), "HELLO").unwrap();
    changed(verified.copy_file(&words, &mut Vec::new()));
    fs::remove_file(folder.join("words.txt")).unwrap();
    symlink("bin/main", folder.join("words.txt")).unwrap();
    let linked = verified.copy_file(&words, &mut Vec::new());
    assert!(matches!(linked, Err(Refusal::File(_))), "{linked:?}");
}

#[test]
fn files_that_are_not_what_the_manifest_says_are_told() {
    let plugins = Plugins::new();
    let folder = plugins.add("first", "greeter");
    let write = |name: &str, text| plugins.write(&format!("first/greeter/{name}"), text);
    write("words.txt", "help!");
    let refused = plugins.refused(&folder);
    assert!(refused.starts_with("words.txt was changed"), "{refused}");
    assert!(refused.contains("linkspan plugin pin"), "{refused}");
    write("words.txt", "hello");
    write("bin/more", "");
    assert!(
        plugins
            .refused(&folder)
            .starts_with("bin/more is not pinned")
    );
    fs::remove_file(folder.join("bin/more")).unwrap();
    // What nobody means is no part of it.
    write("__pycache__/main.pyc", "");
    write(".git/config", "");
    Verified::open(&folder, &plugins.config).unwrap();
    fs::remove_file(folder.join("words.txt")).unwrap();
    assert!(
        plugins
            .refused(&folder)
            .starts_with("there is no words.txt")
    );
}

#[test]
fn only_what_is_included_belongs_to_it() {
    let mut plugins = Plugins::new();
    plugins.config.pins = Pins::Optional;
    let folder = plugins.path("first/greeter");
    for file in [
        "bin/main",
        "bin/.hidden/deep",
        "src/main.rs",
        ".settings",
        "notes",
    ] {
        plugins.write(&format!("first/greeter/{file}"), file);
    }
    let files = |include: &str| {
        plugins.manifest("first/greeter", "greeter", &format!("include: {include}\n"));
        let verified = Verified::open(&folder, &plugins.config).unwrap();
        let files: Vec<_> = verified.files().map(|(path, _)| path.to_string()).collect();
        files.join(" ")
    };
    assert_eq!(files("[]"), "bin/main notes src/main.rs");
    assert_eq!(files("[bin]"), "bin/main");
    assert_eq!(files("[bin/main, bin, .settings]"), ".settings bin/main");
    assert_eq!(files("[bin, bin/.hidden]"), "bin/.hidden/deep bin/main");
    plugins.manifest("first/greeter", "greeter", "include: [bin, data]\n");
    assert!(plugins.refused(&folder).starts_with("there is no data"));
    plugins.manifest("first/greeter", "greeter", "");
    fs::remove_file(folder.join("bin/main")).unwrap();
    assert!(plugins.refused(&folder).starts_with("there is no bin/main"));
}

#[test]
fn unpinned_plugins_are_taken_only_if_that_is_wanted() {
    let mut plugins = Plugins::new();
    let folder = plugins.path("first/greeter");
    plugins.write("first/greeter/bin/main", "the program");
    plugins.manifest("first/greeter", "greeter", "");
    let refused = plugins.refused(&folder);
    assert!(
        refused.contains("not pinned") && refused.contains("plugin pin"),
        "{refused}"
    );
    plugins.config.pins = Pins::Optional;
    let verified = Verified::open(&folder, &plugins.config).unwrap();
    assert!(!verified.is_pinned());
    fs::write(folder.join("bin/main"), "THE PROGRAM").unwrap();
    let copied = verified.copy_entry(&mut Vec::new());
    assert!(matches!(copied, Err(Refusal::Changed { .. })), "{copied:?}");
    // Where there are pins, they hold.
    plugins.pin(&folder);
    fs::write(folder.join("bin/main"), "the program").unwrap();
    assert!(matches!(plugins.refusal(&folder), Refusal::Changed { .. }));
}

#[test]
fn what_others_can_change_is_refused() {
    let plugins = Plugins::new();
    let folder = plugins.add("first", "greeter");
    for (place, mode, right) in [
        ("first", 0o777, 0o755),
        ("first/greeter", 0o775, 0o755),
        ("first/greeter/bin", 0o1777, 0o755),
        ("first/greeter/bin/main", 0o666, 0o644),
        ("first/greeter/words.txt", 0o664, 0o644),
        ("first/greeter/plugin.yaml", 0o646, 0o644),
    ] {
        set_mode(&plugins.path(place), mode);
        let refused = plugins.refused(&folder);
        let path = fs::canonicalize(plugins.path(place)).unwrap();
        assert!(refused.contains(&format!("{mode:04o}")), "{refused}");
        let remedy = format!("chmod go-w {}`", path.display());
        assert!(refused.contains(&remedy), "{refused}");
        set_mode(&path, right);
    }
    Verified::open(&folder, &plugins.config).unwrap();
    // Only root can give things away.
    if rustix::process::geteuid().is_root() {
        for place in [
            "first",
            "first/greeter",
            "first/greeter/bin",
            "first/greeter/bin/main",
        ] {
            chown(plugins.path(place), Some(65534), None).unwrap();
            let refused = plugins.refused(&folder);
            assert!(
                refused.contains("65534") && refused.contains("chown"),
                "{refused}"
            );
            chown(plugins.path(place), Some(0), None).unwrap();
        }
        Verified::open(&folder, &plugins.config).unwrap();
    }
}

#[test]
fn links_and_other_things_are_refused() {
    let plugins = Plugins::new();
    let folder = plugins.add("first", "greeter");
    for (name, to) in [
        ("out", "/etc"),
        ("passwd", "/etc/passwd"),
        ("in", "words.txt"),
    ] {
        symlink(to, folder.join(name)).unwrap();
        let refused = plugins.refused(&folder);
        assert!(refused.contains("is a symbolic link"), "{refused}");
        fs::remove_file(folder.join(name)).unwrap();
    }
    let _socket = std::os::unix::net::UnixListener::bind(folder.join("socket")).unwrap();
    let refused = plugins.refused(&folder);
    assert!(refused.contains("neither a file nor a folder"), "{refused}");
    fs::remove_file(folder.join("socket")).unwrap();
    plugins.write("first/greeter/a:b", "");
    let refused = plugins.refused(&folder);
    assert!(refused.contains("cannot belong to a plugin"), "{refused}");
    fs::remove_file(folder.join("a:b")).unwrap();
    // The folder itself may stand elsewhere.
    symlink(&folder, plugins.path("link")).unwrap();
    let verified = Verified::open(&plugins.path("link"), &plugins.config).unwrap();
    assert_eq!(verified.path(), fs::canonicalize(&folder).unwrap());
}

#[test]
fn limits_hold() {
    let mut plugins = Plugins::new();
    let folder = plugins.add("first", "greeter");
    plugins.config.max_bytes = 16;
    Verified::open(&folder, &plugins.config).unwrap();
    plugins.config.max_bytes = 15;
    let refused = plugins.refused(&folder);
    assert!(
        refused.contains("more than 15 bytes") && refused.contains("include"),
        "{refused}"
    );
    plugins.config.max_bytes = 1 << 30;
    plugins.config.max_files = 1;
    assert!(plugins.refused(&folder).contains("more than 1 files"));
    plugins.config.max_files = 2;
    Verified::open(&folder, &plugins.config).unwrap();
    plugins.config.max_candidates = 0;
    let discovery = Discovery::run(&plugins.config);
    assert!(matches!(
        discovery.refused[0].reason,
        Refusal::TooManyCandidates { limit: 0 }
    ));

    // One of 1 GiB takes no room, and no memory.
    let manifest = fs::File::create(folder.join("plugin.yaml")).unwrap();
    manifest.set_len(1 << 30).unwrap();
    let refused = plugins.refused(&folder);
    assert!(
        refused.contains("plugin.yaml: it has more than 1048576 bytes"),
        "{refused}"
    );
}

#[test]
fn ten_thousand_files_are_too_many() {
    let plugins = Plugins::new();
    let folder = plugins.add("first", "greeter");
    for number in 0..10_000 {
        fs::write(folder.join(format!("{number}")), "").unwrap();
    }
    let refused = plugins.refused(&folder);
    assert!(refused.contains("more than 4096 files"), "{refused}");
}

#[test]
fn scripts_are_run_by_the_hosts_interpreters() {
    let mut plugins = Plugins::new();
    plugins.config.pins = Pins::Optional;
    let folder = plugins.path("first/greeter");
    plugins.write("first/greeter/main.sh", "#!/usr/bin/env evil\n");
    let entry = |interpreter: &str| {
        let text = format!(
            "format: 1\nname: greeter\nversion: 1.0.0\nprotocol: 1\nentry: {{ script: main.sh, interpreter: {interpreter} }}\n"
        );
        plugins.write("first/greeter/plugin.yaml", &text);
    };
    entry("shell");
    let verified = Verified::open(&folder, &plugins.config).unwrap();
    let interpreter = verified.interpreter().unwrap();
    assert_eq!(interpreter.path, fs::canonicalize("/bin/sh").unwrap());
    entry("perl");
    let refused = plugins.refused(&folder);
    assert!(
        refused.contains("no interpreter perl here; there is shell"),
        "{refused}"
    );
    let program = plugins.path("evil");
    plugins.write("evil", "");
    set_mode(&program, 0o777);
    plugins
        .config
        .interpreters
        .insert("perl".to_owned(), program);
    let refused = plugins.refused(&folder);
    assert!(
        refused.contains("evil cannot be used") && refused.contains("chmod"),
        "{refused}"
    );
}

#[test]
fn directories_are_searched_in_their_order() {
    let plugins = Plugins::new();
    plugins.add("first", "greeter");
    plugins.add("second", "greeter");
    plugins.add("second", "anchor");
    plugins.add("first", "broken");
    plugins.add("second", "broken");
    plugins.write("first/broken/words.txt", "help!");
    plugins.write("first/readme.txt", "no folder");
    plugins.write("first/empty/readme.txt", "no manifest");
    plugins.write("first/.hidden/plugin.yaml", "wrong");
    plugins.write("second/wrong/plugin.yaml", "format: 1\nnmae: wrong\n");
    plugins.write("second/two/plugin.yaml", "");
    plugins.write("second/two/plugin.toml", "");
    let mut config = plugins.config.clone();
    config.directories.push(plugins.path("third"));
    let discovery = Discovery::run(&config);
    let found: Vec<_> = discovery
        .found
        .iter()
        .map(|found| found.path.clone())
        .collect();
    assert_eq!(
        found,
        [plugins.path("second/anchor"), plugins.path("first/greeter")]
    );
    assert!(discovery.plugin("anchor").is_some() && discovery.plugin("broken").is_none());
    assert_eq!(discovery.missing, [plugins.path("third")]);
    let refused: Vec<_> = discovery
        .refused
        .iter()
        .map(|refused| {
            let name = refused.path.strip_prefix(plugins.base.path()).unwrap();
            format!("{}: {}", name.display(), refused.reason)
        })
        .collect();
    for (refused, expected) in refused.iter().zip([
        "first/broken: words.txt was changed",
        "second/broken: ",
        "second/greeter: ",
        "second/two: ",
        "second/wrong: ",
    ]) {
        assert!(refused.starts_with(expected), "{refused}");
    }
    assert_eq!(refused.len(), 5, "{refused:?}");
    // One that is refused still has its name.
    let first = plugins.path("first/broken");
    assert!(refused[1].contains(&format!("{} has a plugin broken, too", first.display())));
    assert!(refused[2].contains("has a plugin greeter, too"));
    assert!(refused[3].contains("there are plugin.toml and plugin.yaml"));
    assert!(
        refused[4].contains("plugin.yaml:2: unknown key `nmae`"),
        "{}",
        refused[4]
    );

    set_mode(&plugins.path("first"), 0o777);
    let discovery = Discovery::run(&plugins.config);
    assert_eq!(discovery.refused[0].path, plugins.path("first"));
    assert!(
        discovery
            .plugin("greeter")
            .is_some_and(|found| found.path.starts_with(plugins.path("second")))
    );
}
