//! Plugins: programs of others, known and verified before anything of them runs, and then confined,
//! watched and called.
//!
//! ```text
//!  directories ──► Discovery ──► folder ──► Manifest       what it is, what it can, what it asks for
//!                                   │
//!                                   └─────► Verified ────► host     runs exactly the bytes that were pinned
//!                                           whose files they are, and what their hashes are
//! ```
//!
//! A plugin is a folder with a manifest, `plugin.toml` or `plugin.yaml`, and its files. Everything that
//! a host wants to know stands in the manifest, so that nothing has to be run to be asked. A plugin is
//! taken if it belongs to this user or root, nobody else can change it, and every file has the hash
//! that the manifest names. A [`host`] runs it, in a sandbox and with what it was granted; [`guest`] is
//! for those who write one.
//!
//! # Examples
//!
//! ```
//! use linkspan::plugin::{Config, Discovery, Refusal};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! let folder = directory.path().join("greeter");
//! std::fs::create_dir(&folder)?;
//! std::fs::write(folder.join("main"), "#!/bin/sh\n")?;
//! let manifest = r#"
//!     format = 1
//!     name = "greeter"
//!     version = "1.0.0"
//!     protocol = 1
//!     entry = { binary = "main" }
//!     capabilities = ["bus.publish:greeter/#"]
//! "#;
//! std::fs::write(folder.join("plugin.toml"), manifest)?;
//!
//! let mut config = Config::default();
//! config.directories = vec![directory.path().into()];
//! let discovery = Discovery::run(&config);
//! // Nobody has pinned it yet: `linkspan plugin pin` does.
//! # #[cfg(unix)]
//! assert!(matches!(discovery.refused[0].reason, Refusal::NotPinned));
//! println!("{}", discovery.refused[0].reason.remedy().unwrap());
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "plugin")]
pub mod check;
#[cfg(feature = "plugin")]
mod config;
#[cfg(feature = "plugin")]
mod digest;
#[cfg(feature = "plugin")]
mod discovery;
#[cfg(feature = "plugin")]
mod error;
#[cfg(feature = "plugin")]
mod files;
#[cfg(feature = "plugin")]
mod grant;
pub mod guest;
#[cfg(feature = "plugin")]
pub mod host;
#[cfg(feature = "plugin")]
mod manifest;
#[cfg(feature = "plugin")]
mod name;
#[cfg(feature = "plugin")]
mod path;
#[cfg(feature = "plugin")]
mod verified;
mod wire;

#[cfg(feature = "plugin")]
pub use config::{Config, Pins};
#[cfg(feature = "plugin")]
pub use digest::{Digest, DigestError};
#[cfg(feature = "plugin")]
pub use discovery::{Discovery, Found, Refused};
#[cfg(feature = "plugin")]
pub use error::{ManifestError, Refusal};
#[cfg(feature = "plugin")]
pub use grant::{Grant, GrantError};
#[cfg(feature = "plugin")]
pub use manifest::{
    EntryPoint, Events, Limits, Manifest, ManifestFormat, Method, Restart, RestartPolicy,
    SandboxLevel,
};
#[cfg(feature = "plugin")]
pub use name::{PluginName, PluginNameError};
#[cfg(feature = "plugin")]
pub use path::{PluginPath, PluginPathError};
#[cfg(feature = "plugin")]
pub use verified::{Interpreter, Verified, VerifiedFile, hash_files};
pub use wire::{Describe, LogLevel, LogRecord, LogValue, Progress, Ready, Sdk};
