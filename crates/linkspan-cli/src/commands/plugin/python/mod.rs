//! What a plugin in Python begins with.

/// Its files; `NAME` stands for its name.
pub(super) const FILES: &[(&str, &str)] = &[
    ("plugin.toml", include_str!("plugin.toml")),
    ("main.py", include_str!("main.py")),
];

/// The folder of the SDK, which goes with the plugin, so that it is pinned with it.
pub(super) const SDK_FOLDER: &str = "linkspan_plugin";

macro_rules! sdk {
    ($($name:literal,)*) => {
        &[$((
            $name,
            include_str!(concat!("../../../../../../sdk/python/linkspan_plugin/", $name)),
        ),)*]
    };
}

/// The files of the SDK.
pub(super) const SDK: &[(&str, &str)] = sdk![
    "__init__.py",
    "answering.py",
    "clock.py",
    "codec.py",
    "context.py",
    "credit.py",
    "errors.py",
    "frame.py",
    "handshake.py",
    "host.py",
    "incoming.py",
    "logs.py",
    "message.py",
    "msgpack.py",
    "outbox.py",
    "plugin.py",
    "pool.py",
    "py.typed",
    "reader.py",
    "session.py",
    "signature.py",
    "stream.py",
    "topic.py",
    "version.py",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_the_sdk_goes_with_a_plugin() {
        let folder = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../sdk/python/linkspan_plugin"
        );
        let names = std::fs::read_dir(folder).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name != "__pycache__").collect();
        names.sort();
        let known: Vec<_> = SDK.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, known);
    }
}
