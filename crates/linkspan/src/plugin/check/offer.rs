//! What the host of a check offers, and what may be chosen from it (docs/protocol.md, section 3).

use proto::Limits;
use proto::message::Choice;

use crate::plugin::check::pack::Value;

/// An offer, before it is bytes.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) versions: [u64; 2],
    pub(super) features: Vec<&'static str>,
    pub(super) codecs: Vec<&'static str>,
    /// What this host takes; without limits, those of hosts that do not say.
    pub(super) limits: Option<Limits>,
    pub(super) nonce: Option<[u8; 32]>,
    /// Keys that only newer hosts have.
    pub(super) further: Vec<(&'static str, Value)>,
}

impl Offer {
    /// What today's hosts offer, but for compression and sealing, which no clause needs.
    pub(super) fn ordinary(nonce: [u8; 32]) -> Self {
        Self {
            versions: [1, 1],
            features: vec!["continued"],
            codecs: vec!["msgpack", "json", "protobuf", "raw"],
            limits: Some(Limits::default()),
            nonce: Some(nonce),
            further: Vec::new(),
        }
    }

    /// The least that an offer can be.
    pub(super) fn least(nonce: [u8; 32]) -> Self {
        Self {
            features: Vec::new(),
            codecs: Vec::new(),
            limits: None,
            ..Self::ordinary(nonce)
        }
    }

    /// The least that a host can take.
    pub(super) fn narrow(nonce: [u8; 32]) -> Self {
        let mut limits = Limits::default();
        limits.max_frame_bytes = LEAST_FRAME_BYTES;
        limits.stream_credit = LEAST_FRAME_BYTES.into();
        limits.connection_credit = limits.reserve_bytes() + u64::from(LEAST_FRAME_BYTES);
        Self {
            limits: Some(limits),
            ..Self::ordinary(nonce)
        }
    }

    pub(super) fn pack(&self) -> Vec<u8> {
        let mut entries = vec![("versions", Value::numbers(&self.versions))];
        if let Some(nonce) = &self.nonce {
            entries.push(("nonce", Value::Binary(nonce.to_vec())));
        }
        if !self.features.is_empty() {
            entries.push(("features", Value::texts(&self.features)));
        }
        if !self.codecs.is_empty() {
            entries.push(("codecs", Value::texts(&self.codecs)));
        }
        if let Some(limits) = &self.limits {
            let limits = [
                ("max_frame_bytes", limits.max_frame_bytes.into()),
                ("max_streams", limits.max_streams.into()),
                ("stream_credit", limits.stream_credit),
                ("connection_credit", limits.connection_credit),
            ];
            let limits = limits.map(|(name, limit)| (name, Value::Number(limit)));
            entries.push(("limits", Value::Map(limits.to_vec())));
        }
        entries.extend(self.further.iter().cloned());
        Value::Map(entries).pack()
    }

    /// What this host takes.
    pub(super) fn limits(&self) -> Limits {
        self.limits.unwrap_or_default()
    }

    /// What a choice has that was not offered, or that no choice can have.
    pub(super) fn problem(&self, choice: &Choice) -> Option<String> {
        let [low, high] = self.versions;
        if !(low..=high).contains(&choice.version.into()) {
            return Some(format!(
                "version {}, where {low} to {high} were offered",
                choice.version
            ));
        }
        let surplus = surplus("feature", &choice.features, &self.features)
            .or_else(|| surplus("codec", &choice.codecs, &self.codecs))
            .or_else(|| surplus("compression", &choice.compression, &[]));
        if surplus.is_some() {
            return surplus;
        }
        if let Err(error) = choice.limits.check() {
            return Some(error.to_string());
        }
        if Some(choice.nonce) == self.nonce {
            return Some("the nonce of the offer".to_owned());
        }
        match (&choice.auth, choice.checksum.as_str()) {
            (Some(method), _) => Some(format!(
                "that the host proves who it is, by {method:?}, which nobody has to over the pair"
            )),
            (None, "" | "crc32") => None,
            (None, checksum) => Some(format!("the checksum {checksum:?}, which was not offered")),
        }
    }
}

fn surplus(what: &str, chosen: &[String], offered: &[&str]) -> Option<String> {
    let surplus = chosen.iter().find(|name| !offered.contains(&name.as_str()));
    surplus.map(|name| format!("the {what} {name:?}, which was not offered"))
}

/// The least `max_frame_bytes` that there is.
const LEAST_FRAME_BYTES: u32 = 16_384;
