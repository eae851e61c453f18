//! Judging peers by their JWTs.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use jsonwebtoken::{Validation, decode};

use crate::auth::jwt::wire::Header;
use crate::auth::jwt::{Claims, JwtKey};
use crate::auth::{Attempt, Authenticator, Denial, Grant, Method, Principal, Revoker};

/// Peers are whom the JWTs of an issuer name.
///
/// Clones share the settings, which can be changed while the server works.
#[derive(Debug, Clone)]
pub struct Jwt {
    config: Arc<RwLock<JwtConfig>>,
    live: Arc<Mutex<Live>>,
}

/// Whose JWTs are taken.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JwtConfig {
    /// The issuer, as tokens name it.
    pub issuer: String,
    /// The audience, as tokens name it: this server.
    pub audience: String,
    /// Keys of the issuer. A token says by `kid` which one it is signed by; only if there is a single
    /// key, it need not.
    pub keys: Vec<JwtKey>,
    /// Names (`jti`) of tokens that were taken back.
    pub revoked: BTreeSet<String>,
    /// Longest token, in bytes. Default: 8,192.
    pub max_token_bytes: usize,
}

/// Tokens by which sessions may be open.
#[derive(Debug, Default)]
struct Live {
    tokens: HashMap<String, Used>,
    /// How many there have to be before it is looked which are not in use any more.
    purged_at: usize,
}

#[derive(Debug)]
struct Used {
    key: String,
    revoker: Revoker,
}

impl JwtConfig {
    /// An issuer without keys.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            keys: Vec::new(),
            revoked: BTreeSet::new(),
            max_token_bytes: 8192,
        }
    }
}

impl Jwt {
    /// Takes the JWTs of an issuer.
    pub fn new(config: JwtConfig) -> Self {
        use_our_library();
        Self {
            config: Arc::new(RwLock::new(config)),
            live: Arc::default(),
        }
    }

    /// Changes the settings, all at once. Sessions end that are open by tokens that are revoked now,
    /// or whose key is gone.
    pub fn replace(&self, config: JwtConfig) {
        self.change(|settings| *settings = config);
    }

    /// Takes a token back: nobody comes by it any more, and who has come is sent away.
    pub fn revoke(&self, id: &str) {
        self.change(|settings| {
            settings.revoked.insert(id.to_owned());
        });
    }

    fn change(&self, change: impl FnOnce(&mut JwtConfig)) {
        // Whoever is judged meanwhile waits, and is judged by the new settings.
        let mut config = self.config.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut config);
        let ends = |id: &String, used: &Used| {
            config.revoked.contains(id) || !config.keys.iter().any(|key| key.id == used.key)
        };
        let mut live = self.lock();
        for (_, used) in live.tokens.extract_if(|id, used| ends(id, used)) {
            used.revoker.revoke();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn grant(&self, claims: Claims, key: &JwtKey) -> Grant {
        // Without a name it ends with its key, as all tokens do.
        let unnamed = || format!("{}/{}", key.id, claims.sub);
        let id = claims.jti.unwrap_or_else(unnamed);
        let expires = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(claims.exp));
        let mut principal = Principal::named(format!("jwt:{}", claims.sub))
            .with_roles(claims.roles)
            .proved_by(Method::Jwt);
        principal.attributes = claims.attributes;
        let mut grant = Grant::new(principal);
        grant.expires = expires;
        grant.revocation = Some(self.lock().note(&id, &key.id).revocation());
        grant.credential = id;
        grant
    }
}

impl Live {
    /// Takes note that a session may be open by a token.
    fn note(&mut self, id: &str, key: &str) -> &Revoker {
        if self.tokens.len() >= self.purged_at {
            self.tokens.retain(|_, used| used.revoker.is_watched());
            self.purged_at = (2 * self.tokens.len()).max(LEAST_PURGED);
        }
        let used = self.tokens.entry(id.to_owned()).or_insert_with(|| Used {
            key: key.to_owned(),
            revoker: Revoker::new(),
        });
        &used.revoker
    }
}

impl Authenticator for Jwt {
    fn method(&self) -> Method {
        Method::Jwt
    }

    fn authenticate(&self, attempt: &Attempt<'_>) -> Result<Grant, Denial> {
        let token = attempt
            .token()
            .ok_or(Denial::Malformed("there is no JWT"))?;
        // Held until the token is noted, so that none slips through while others are revoked.
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner);
        let (claims, key) = config.check(token)?;
        config.judge(&claims, attempt.now())?;
        Ok(self.grant(claims, key))
    }
}

impl JwtConfig {
    /// Checks form and signature.
    fn check(&self, token: &str) -> Result<(Claims, &JwtKey), Denial> {
        if token.len() > self.max_token_bytes {
            return Err(Denial::Malformed("the JWT is too long"));
        }
        let header = header(token).ok_or(Denial::Malformed("the JWT has no header"))?;
        if header.crit.is_some() {
            return Err(Denial::Malformed("the JWT has critical headers"));
        }
        let key = match (&header.kid, self.keys.as_slice()) {
            (Some(kid), keys) => keys.iter().find(|key| key.id == *kid),
            (None, [key]) => Some(key),
            (None, _) => None,
        };
        let key = key.ok_or_else(|| Denial::UnknownKey(header.kid.unwrap_or_default()))?;
        if header.alg != key.algorithm.name() {
            return Err(Denial::Algorithm(header.alg));
        }
        let mut validation = Validation::new(key.algorithm.code());
        // What the token says is judged here, by one clock and without leeway.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        match decode::<Claims>(token, &key.decoding, &validation) {
            Ok(decoded) => Ok((decoded.claims, key)),
            Err(error) => match error.kind() {
                jsonwebtoken::errors::ErrorKind::Json(_) => {
                    Err(Denial::Malformed("the JWT lacks a claim"))
                }
                _ => Err(Denial::Signature),
            },
        }
    }

    /// Judges what a token says that is genuine.
    fn judge(&self, claims: &Claims, now: SystemTime) -> Result<(), Denial> {
        let now = now.duration_since(SystemTime::UNIX_EPOCH);
        let now = now.unwrap_or_default();
        if claims.iss != self.issuer {
            return Err(Denial::Issuer);
        }
        if !claims.aud.contains(&self.audience) {
            return Err(Denial::Audience);
        }
        if claims.sub.is_empty() || claims.sub.chars().any(char::is_control) {
            return Err(Denial::Malformed("the JWT has no usable subject"));
        }
        if claims.nbf.is_some_and(|nbf| now < Duration::from_secs(nbf)) {
            return Err(Denial::NotYetValid);
        }
        let id = claims.jti.as_deref().unwrap_or_default();
        if self.revoked.contains(id) {
            return Err(Denial::Revoked);
        }
        match now < Duration::from_secs(claims.exp) {
            true => Ok(()),
            false => Err(Denial::Expired),
        }
    }
}

/// What a token says in its header and its claims, as JSON; nothing of it is verified.
pub fn peek(token: &str) -> Option<(String, String)> {
    let mut parts = token.split('.');
    let (header, claims) = (parts.next()?, parts.next()?);
    let text = |part| String::from_utf8(decode_base64(part)?).ok();
    let said = text(header).zip(text(claims));
    said.filter(|_| parts.count() == 1)
}

/// The header of a token that has three parts.
fn header(token: &str) -> Option<Header> {
    let mut parts = token.split('.');
    let first = parts.next().filter(|_| parts.count() == 2)?;
    serde_json::from_slice(&decode_base64(first)?).ok()
}

/// Base64 of URLs without padding.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let value = |digit: u8| match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    };
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0);
    for digit in text.bytes() {
        bits = (bits << 6 | u32::from(value(digit)?)) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(out)
}

/// A program may have asked for another library of cryptography elsewhere; the first one counts.
pub(super) fn use_our_library() {
    jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER
        .install_default()
        .ok();
}

const LEAST_PURGED: usize = 64;
