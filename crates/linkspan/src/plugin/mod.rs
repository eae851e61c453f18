//! Plugins: programs of others, known and verified before anything of them runs.
//!
//! ```text
//!  directories ──► Discovery ──► folder ──► Manifest       what it is, what it can, what it asks for
//!                                   │
//!                                   └─────► Verified ────► copies of exactly the bytes that were pinned
//!                                           whose files they are, and what their hashes are
//! ```
//!
//! A plugin is a folder with a manifest, `plugin.toml` or `plugin.yaml`, and its files. Everything that
//! a host wants to know stands in the manifest, so that nothing has to be run to be asked. A plugin is
//! taken if it belongs to this user or root, nobody else can change it, and every file has the hash
//! that the manifest names.
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

mod config;
mod digest;
mod discovery;
mod error;
mod files;
mod grant;
pub mod host;
mod manifest;
mod name;
mod path;
mod verified;

pub use config::{Config, Pins};
pub use digest::{Digest, DigestError};
pub use discovery::{Discovery, Found, Refused};
pub use error::{ManifestError, Refusal};
pub use grant::{Grant, GrantError};
pub use manifest::{
    EntryPoint, Events, Limits, Manifest, ManifestFormat, Method, Restart, RestartPolicy,
    SandboxLevel,
};
pub use name::{PluginName, PluginNameError};
pub use path::{PluginPath, PluginPathError};
pub use verified::{Interpreter, Verified, VerifiedFile, hash_files};
