//! The section `security.audit`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::units::{Size, whole};

/// The audit log.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section of keys")]
pub(crate) struct Audit {
    /// The file, which only its owner can read; without one, nothing is written down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<PathBuf>,
    /// Length from which on a new file is begun.
    pub(crate) max_bytes: Size,
    /// Earlier files that are kept.
    #[serde(deserialize_with = "whole")]
    pub(crate) kept_files: u32,
}

impl Default for Audit {
    fn default() -> Self {
        let usual = linkspan::auth::AuditFile::default();
        Self {
            file: None,
            max_bytes: Size(usual.max_bytes),
            kept_files: usual.kept_files,
        }
    }
}
