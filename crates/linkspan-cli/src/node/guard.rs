//! Who may come to a node, as the section `security` says.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use linkspan::auth::jwt::{JwtAlgorithm, JwtKey, JwtKeyError};
use linkspan::auth::key::{KeyFile, KeyFileError, KeyList};
use linkspan::auth::policy::{self, Capability, ConditionsError, Policy, Role, Roles};
use linkspan::auth::quota::Quotas;
use linkspan::auth::{
    self, ApiKeys, Audit, AuditFile, Authentication, Certificates, CredentialError, Jwt, JwtConfig,
    read_secret_file,
};
use linkspan::bus::ServeError;
use linkspan::transport::ListenError;
use thiserror::Error;

use crate::config::{Config, KeyPlace, TokenType};
use crate::failure::{Failure, Kind};
use crate::node::rights::{self, Log};
use crate::node::wire::SecurityCounts;

/// What a node asks of its clients.
#[derive(Debug)]
pub(crate) struct Guard {
    pub(crate) authentication: Authentication,
    /// What those may do who were let in, and how often.
    pub(crate) rights: policy::Guard,
    /// Whether everybody may do everything as long as no rights are given.
    is_open: bool,
    log: Log,
    keys: ApiKeys,
    jwt: Jwt,
    /// Whether keys, or tokens that were taken back, were read from a file.
    has_list: AtomicBool,
}

/// Settings that were read anew, all of them, and hold nowhere yet.
#[derive(Debug)]
pub(crate) struct Prepared {
    authentication: auth::Config,
    policy: Policy,
    quotas: Quotas,
    audit: Option<Audit>,
    list: KeyList,
    jwt: JwtConfig,
}

/// The section `security` cannot be obeyed.
#[derive(Debug, Error)]
pub(crate) enum GuardError {
    #[error("security.auth.key_file: {0}")]
    KeyFile(#[from] KeyFileError),
    #[error("security.auth.keys: key {id}: {source}")]
    KeyPlace { id: String, source: CredentialError },
    #[error("security.auth.keys: key {id}: {source}")]
    Key { id: String, source: JwtKeyError },
    #[error("security.auth.keys: {0}")]
    Keys(String),
    #[error("security.audit.file: {0}")]
    Audit(#[source] io::Error),
    #[error("security.authorization.policy_engine")]
    Conditions(#[from] ConditionsError),
    #[error("security.rate_limiting.{0}: {1}")]
    Quotas(&'static str, String),
    #[error("no randomness")]
    Random(#[source] io::Error),
}

impl Guard {
    /// Reads keys, and opens the audit log.
    pub(crate) fn new(config: &Config) -> Result<Self, GuardError> {
        Self::made(config, false)
    }

    /// The same, where everybody may do everything as long as no rights are given.
    pub(crate) fn open(config: &Config) -> Result<Self, GuardError> {
        Self::made(config, true)
    }

    fn made(config: &Config, is_open: bool) -> Result<Self, GuardError> {
        let log = Log::default();
        let guard = Self {
            authentication: Authentication::new(auth::Config::default()),
            rights: rights::guard(log.clone()),
            is_open,
            log,
            keys: ApiKeys::new([]).map_err(GuardError::Random)?,
            jwt: Jwt::new(JwtConfig::new("", "")),
            has_list: AtomicBool::new(false),
        };
        let prepared = guard.prepare(config)?;
        guard.take(prepared);
        Ok(guard)
    }

    /// Reads everything again.
    pub(crate) fn prepare(&self, config: &Config) -> Result<Prepared, GuardError> {
        let security = &config.security;
        let list = self.key_list(config)?;
        let mut jwt = jwt(config)?;
        jwt.revoked = list.revoked_tokens.keys().cloned().collect();
        let audit = audit(config)?;
        Ok(Prepared {
            authentication: self.authentication(config, audit.clone()),
            policy: match self.is_open && !security.authorization.is_set() {
                true => everything_for_everybody(),
                false => security.authorization.policy(&config.plugins)?,
            },
            quotas: security
                .rate_limiting
                .quotas()
                .map_err(|(key, problem)| GuardError::Quotas(key, problem))?,
            audit,
            list,
            jwt,
        })
    }

    /// Goes over to what was read; sessions end that are open by keys that are gone.
    pub(crate) fn take(&self, prepared: Prepared) {
        let has_list = !(prepared.list.keys.is_empty() && prepared.list.revoked_tokens.is_empty());
        self.has_list.store(has_list, Ordering::Relaxed);
        self.keys.replace(prepared.list.keys);
        self.jwt.replace(prepared.jwt);
        self.log.replace(prepared.audit);
        self.authentication.replace(prepared.authentication);
        self.rights.replace_quotas(prepared.quotas);
        self.rights.replace(prepared.policy);
    }

    /// What was counted since the start.
    pub(crate) fn counts(&self) -> SecurityCounts {
        SecurityCounts {
            authentication: (&self.authentication.stats()).into(),
            rights: (&self.rights.stats()).into(),
            audit: self.log.counts(),
        }
    }

    /// What the key file has. A file that is gone is no reason to believe tokens again that were taken
    /// back.
    fn key_list(&self, config: &Config) -> Result<KeyList, GuardError> {
        let Some(file) = &config.security.auth.key_file else {
            return Ok(KeyList::default());
        };
        match KeyFile::new(file).read() {
            // Nobody has a key yet.
            Err(KeyFileError::Missing { .. }) if !self.has_list.load(Ordering::Relaxed) => {
                Ok(KeyList::default())
            }
            list => Ok(list?),
        }
    }

    fn authentication(&self, config: &Config, audit: Option<Audit>) -> auth::Config {
        let auth = &config.security.auth;
        let mut settings = auth::Config::default();
        settings.session_timeout = Some(Duration::from_secs(auth.session_timeout_s));
        settings.renewal = auth.refresh_enabled;
        settings.audit = audit;
        match auth.token_type {
            Some(TokenType::Jwt) => settings.with(self.jwt.clone()),
            Some(TokenType::ApiKey) => settings.with(self.keys.clone()),
            Some(TokenType::Certificate) => settings.with(Certificates::default()),
            None => {
                settings.anonymous = true;
                settings
            }
        }
    }
}

fn everything_for_everybody() -> Policy {
    let everybody = Role::new([Capability::EVERYTHING]).with_members(["*", "anonymous"]);
    Policy::new(Roles::new().with("everybody", everybody))
}

fn audit(config: &Config) -> Result<Option<Audit>, GuardError> {
    let audit = &config.security.audit;
    let Some(file) = &audit.file else {
        return Ok(None);
    };
    let mut kept = AuditFile::default();
    kept.max_bytes = audit.max_bytes.0;
    kept.kept_files = audit.kept_files;
    let opened = Audit::open(file, kept).map_err(GuardError::Audit)?;
    Ok(Some(opened))
}

fn jwt(config: &Config) -> Result<JwtConfig, GuardError> {
    let auth = &config.security.auth;
    let mut settings = JwtConfig::new(&auth.issuer, &auth.audience);
    if auth.token_type != Some(TokenType::Jwt) {
        return Ok(settings);
    }
    for place in auth.key_places().map_err(GuardError::Keys)? {
        settings.keys.push(read_key(&place)?);
    }
    Ok(settings)
}

fn read_key(place: &KeyPlace<'_>) -> Result<JwtKey, GuardError> {
    let id = place.id;
    let unreadable = |source| GuardError::KeyPlace {
        id: id.to_owned(),
        source,
    };
    let key = match place.algorithm {
        JwtAlgorithm::Hs256 => {
            let bytes = read_secret_file(place.file).map_err(unreadable)?;
            JwtKey::shared(id, bytes.trim_ascii())
        }
        algorithm => {
            let bytes = std::fs::read(place.file).map_err(|error| {
                unreadable(CredentialError::Place(format!(
                    "{}: {error}",
                    place.file.display()
                )))
            })?;
            JwtKey::public(id, algorithm, &bytes)
        }
    };
    key.map_err(|source| GuardError::Key {
        id: id.to_owned(),
        source,
    })
}

/// A node cannot be what its configuration says.
#[derive(Debug, Error)]
pub(crate) enum NodeError {
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Guard(#[from] GuardError),
}

impl From<GuardError> for Failure {
    fn from(error: GuardError) -> Self {
        Self::new(Kind::Config, error)
    }
}

impl From<NodeError> for Failure {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::Serve(error) => error.into(),
            NodeError::Listen(error) => error.into(),
            NodeError::Guard(error) => error.into(),
        }
    }
}
