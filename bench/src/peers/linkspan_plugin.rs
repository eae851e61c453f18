//! Plugins of a host with default settings, at each level of confinement, and in Python.

use std::fmt::Write;
use std::fs::{self, Permissions};
use std::marker::PhantomData;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result};
use bytes::Bytes;
use linkspan::plugin::host::{HostConfig, Plugin, PluginHost, RunError, StartError, Terms};
use linkspan::plugin::{SandboxLevel, hash_files};
use linkspan_bench_plugin::{Echo, EchoClient, VERSION, blast_request};

use crate::peer::{Connection, Peer, Place, Ready, verify_echo};
use crate::peers::linkspan::received;
use crate::process::beside;
use crate::starter::{Process, Starter};

/// How a plugin is written, and what is around it.
pub(crate) trait Kind: Send + Sync + 'static {
    const NAME: &'static str;
    const LEVEL: SandboxLevel;

    /// Writes its files; gives what its manifest says of its entry.
    fn write(folder: &Path, name: &str) -> Result<String> {
        fs::copy(beside("linkspan-bench-plugin")?, folder.join("main"))?;
        Ok(format!("binary = \"main\"\narguments = [{name:?}]"))
    }
}

pub(crate) struct Plain;
pub(crate) struct Basic;
pub(crate) struct Strict;
pub(crate) struct Python;

impl Kind for Plain {
    const NAME: &'static str = "linkspan-plugin";
    const LEVEL: SandboxLevel = SandboxLevel::None;
}

impl Kind for Basic {
    const NAME: &'static str = "linkspan-plugin-basic";
    const LEVEL: SandboxLevel = SandboxLevel::Basic;
}

impl Kind for Strict {
    const NAME: &'static str = "linkspan-plugin-strict";
    const LEVEL: SandboxLevel = SandboxLevel::Strict;
}

impl Kind for Python {
    const NAME: &'static str = "linkspan-plugin-python";
    const LEVEL: SandboxLevel = SandboxLevel::None;

    fn write(folder: &Path, _: &str) -> Result<String> {
        fs::write(folder.join("echo.py"), include_str!("../../plugin/echo.py"))?;
        let sdk = folder.join("linkspan_plugin");
        make(&sdk)?;
        for file in fs::read_dir(SDK)? {
            let file = file?;
            if file.path().extension().is_some_and(|end| end == "py") {
                fs::copy(file.path(), sdk.join(file.file_name()))?;
            }
        }
        Ok("script = \"echo.py\"\ninterpreter = \"python3\"".to_owned())
    }
}

/// A host, and plugins that it can load.
pub(crate) struct Plugins<K> {
    host: Arc<PluginHost>,
    folders: Vec<PathBuf>,
    kind: PhantomData<K>,
}

impl<K: Kind> Starter for Plugins<K> {
    type Loaded = Plugin;
    type Process = Running;

    async fn prepare(place: &Place, programs: usize) -> Result<Self> {
        let mut config = HostConfig::default();
        config.copies = Some(place.directory().join("copies"));
        let folder = |number| write::<K>(place, number, &config);
        let folders = (0..programs).map(folder).collect::<Result<_>>()?;
        Ok(Self {
            host: Arc::new(PluginHost::new(config)),
            folders,
            kind: PhantomData,
        })
    }

    async fn load(&self, number: usize) -> Result<Plugin> {
        let folder = self.folders.get(number);
        let folder = folder.context("there are not as many plugins")?;
        let mut terms = Terms::default();
        terms.sandbox = K::LEVEL;
        Ok(self.host.load(folder, terms).await?)
    }

    async fn start(&self, plugin: Plugin) -> Result<Running> {
        plugin.start().await?;
        Ok(Running {
            host: Arc::clone(&self.host),
            session: Session::with(plugin),
        })
    }

    fn obstacle(error: &anyhow::Error) -> Option<String> {
        let Some(RunError::Start(start)) = error.downcast_ref() else {
            return None;
        };
        matches!(**start, StartError::Sandbox { .. }).then(|| format!("{error:#}"))
    }
}

/// A plugin that runs.
pub(crate) struct Running {
    host: Arc<PluginHost>,
    session: Session,
}

impl Process for Running {
    async fn echo(&mut self, body: Bytes) -> Result<()> {
        self.session.echo(body).await
    }

    async fn end(self) -> Result<()> {
        self.host.unload(&self.session.plugin).await;
        Ok(())
    }
}

/// The server is the plugin, which the client's process starts.
impl<K: Kind> Peer for Plugins<K> {
    const NAME: &'static str = K::NAME;
    const IN_PROCESS: bool = true;
    type Connection = Session;

    async fn serve(place: Place, ready: Ready) -> Result<()> {
        let plugins = Self::prepare(&place, 1).await?;
        let plugin = plugins.load(0).await?;
        let plugin = plugins.start(plugin).await?.session.plugin;
        let instances = plugin.status().instances;
        let process = instances.first().context("it does not run")?.pid;
        let plugin = PLUGIN.get_or_init(|| plugin);
        ready.listening_in(process, plugin.name().as_str())?;
        std::future::pending::<()>().await;
        drop(plugins);
        Ok(())
    }

    async fn connect(_: String) -> Result<Session> {
        let plugin = PLUGIN.get().context("no plugin was started")?;
        Ok(Session::with(plugin.clone()))
    }
}

#[derive(Clone)]
pub(crate) struct Session {
    typed: EchoClient<Plugin>,
    plugin: Plugin,
}

impl Session {
    fn with(plugin: Plugin) -> Self {
        let typed = EchoClient::new(plugin.clone());
        Self { typed, plugin }
    }
}

impl Connection for Session {
    async fn echo(&self, body: Bytes) -> Result<()> {
        let reply = self.typed.echo(body.clone()).await?;
        verify_echo(&body, &reply)
    }

    async fn stream(&self, chunks: u64, chunk_bytes: usize) -> Result<u64> {
        let request = blast_request(chunks, chunk_bytes);
        received(self.plugin.call(request).await?).await
    }
}

/// Writes the plugin of a number, with its hashes.
fn write<K: Kind>(place: &Place, number: usize, config: &HostConfig) -> Result<PathBuf> {
    let name = match number {
        0 => "echo".to_owned(),
        number => format!("echo-{number}"),
    };
    let folder = place.directory().join(&name);
    make(&folder)?;
    let entry = K::write(&folder, &name)?;
    let mut manifest = format!(
        "format = 1\nname = {name:?}\nversion = {VERSION:?}\nprotocol = 1\nsandbox = \"none\"\n\
         [entry]\n{entry}\n"
    );
    let path = folder.join("plugin.toml");
    fs::write(&path, &manifest)?;
    manifest.push_str("[files]\n");
    for (file, digest) in hash_files(&folder, &config.plugins)? {
        writeln!(manifest, "\"{file}\" = \"{digest}\"")?;
    }
    fs::write(&path, manifest)?;
    Ok(folder)
}

/// Makes a directory that nobody else can write to, whatever the umask is.
fn make(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    Ok(fs::set_permissions(folder, Permissions::from_mode(0o755))?)
}

/// The plugin that this process has started to call it.
static PLUGIN: OnceLock<Plugin> = OnceLock::new();

const SDK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sdk/python/linkspan_plugin");
