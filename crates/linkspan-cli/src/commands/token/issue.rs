//! `linkspan token issue`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use linkspan::auth::jwt::{JwtAlgorithm, JwtKeyError, JwtSigningKey};
use linkspan::auth::{JwtIssuer, KeyEntry, SecretKey, SecretText};
use serde_json::json;

use crate::commands::token::{key_file, secret};
use crate::config::{Loaded, Span};
use crate::failure::{Failure, Kind, Result};
use crate::output::Output;

/// Make an API key, or a JWT with --sign-with, and print it once.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Whose it is: the principal is key:NAME or jwt:NAME.
    name: String,

    /// A role of the principal; may be repeated.
    #[arg(long, value_name = "ROLE")]
    role: Vec<String>,

    /// How long it holds, as 30m or 720h. Without it an API key has no end, and a JWT that of
    /// `security.auth.token_expiry_s`.
    #[arg(long, value_name = "TIME")]
    expires_in: Option<Span>,

    /// The file of API keys, instead of `security.auth.key_file`.
    #[arg(long, value_name = "FILE", conflicts_with = "sign_with")]
    keys: Option<PathBuf>,

    /// Make a JWT, signed by the private key in this file (PEM, PKCS#8), by the secret in it for HS256,
    /// or by what stands on standard input for `-`.
    #[arg(long, value_name = "FILE", requires = "key_id")]
    sign_with: Option<PathBuf>,

    /// Name of the signing key: the kid of the token.
    #[arg(long, value_name = "ID")]
    key_id: Option<String>,

    /// Its algorithm: `EdDSA`, ES256 or HS256.
    #[arg(long, value_name = "NAME", default_value = "EdDSA", value_parser = algorithm)]
    algorithm: JwtAlgorithm,
}

pub(crate) fn run(options: &Options, loaded: &Loaded, output: &Output) -> Result {
    let (id, text) = match &options.sign_with {
        Some(file) => jwt(options, file, loaded)?,
        None => api_key(options, loaded)?,
    };
    if output.json {
        let issued = json!({ "id": id, "credential": &*text });
        return Ok(output.json_line(&issued)?);
    }
    output.line(&*text)?;
    output.notice(format_args!(
        "this is printed once; to revoke it: linkspan token revoke {id}"
    ));
    Ok(())
}

fn api_key(options: &Options, loaded: &Loaded) -> Result<(String, SecretText)> {
    let file = key_file(options.keys.as_deref(), loaded)?;
    let key = SecretKey::new_api_key()?;
    let lifetime = options.expires_in.map(|span| span.0);
    let (name, roles) = (options.name.clone(), options.role.clone());
    let entry = KeyEntry::of(&key, name, roles, lifetime);
    file.change(|list| list.keys.push(entry))?;
    Ok((key.id().to_owned(), key.reveal()))
}

fn jwt(options: &Options, file: &Path, loaded: &Loaded) -> Result<(String, SecretText)> {
    let auth = &loaded.config.security.auth;
    let bytes = secret(file)?;
    let id = options.key_id.as_deref().unwrap_or_default();
    let key = match options.algorithm {
        JwtAlgorithm::Hs256 => JwtSigningKey::shared(id, bytes.trim_ascii())?,
        algorithm => JwtSigningKey::private(id, algorithm, &bytes)?,
    };
    let issuer = JwtIssuer::new(&auth.issuer, &auth.audience, key);
    let usual = Duration::from_secs(auth.token_expiry_s);
    let lifetime = options.expires_in.map_or(usual, |span| span.0);
    let mut claims = issuer.claims(&options.name, lifetime)?;
    claims.roles.clone_from(&options.role);
    let token = issuer.sign(&claims)?;
    Ok((claims.jti.unwrap_or_default(), token))
}

fn algorithm(text: &str) -> std::result::Result<JwtAlgorithm, String> {
    JwtAlgorithm::from_name(text)
        .filter(|algorithm| *algorithm != JwtAlgorithm::Rs256)
        .ok_or_else(|| format!("{text:?} is not one of EdDSA, ES256, HS256"))
}

impl From<JwtKeyError> for Failure {
    fn from(error: JwtKeyError) -> Self {
        Self::new(Kind::Other, error)
    }
}

const EXAMPLES: &str = "Examples:
  umask 077; linkspan token issue ci --keys keys --role deploy > ci.key
  linkspan token issue ada --sign-with issuer.pem --key-id main --expires-in 1h > ada.jwt
  linkspan call --token-file ada.jwt node.status";
