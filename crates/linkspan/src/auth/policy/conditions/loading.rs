//! Conditions from files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use cedar_policy::{ParseErrors, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic;

use crate::auth::policy::conditions::ConditionsError;

/// The rules of all files in a folder.
pub(super) fn load(folder: &Path) -> Result<PolicySet, ConditionsError> {
    let mut policies = PolicySet::new();
    for path in files(folder)? {
        let text = fs::read_to_string(&path).map_err(|reason| ConditionsError::Read {
            path: path.clone(),
            reason,
        })?;
        add(&mut policies, &path, &text)?;
    }
    check(&policies)?;
    Ok(policies)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, ConditionsError> {
    let unreadable = |reason| ConditionsError::Read {
        path: folder.into(),
        reason,
    };
    let entries = fs::read_dir(folder).map_err(unreadable)?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "cedar"));
    paths.sort();
    if paths.is_empty() {
        return Err(ConditionsError::Empty(folder.into()));
    }
    Ok(paths)
}

/// Adds the rules of one file under names that tell where they stand.
fn add(policies: &mut PolicySet, path: &Path, text: &str) -> Result<(), ConditionsError> {
    let parsed: PolicySet = text
        .parse()
        .map_err(|error: ParseErrors| syntax(path, text, &error))?;
    let file = path.file_stem().unwrap_or_default().to_string_lossy();
    if let Some(template) = parsed.templates().next() {
        return Err(ConditionsError::Meaning {
            id: format!("{file}:{}", template.id()),
            reason: "templates, with ?principal or ?resource, are not supported".into(),
        });
    }
    for policy in parsed.policies() {
        let id = match policy.annotation("id") {
            Some(id) => id.to_owned(),
            None => format!("{file}:{}", policy.id()),
        };
        let named = policy.new_id(PolicyId::new(&id));
        policies
            .add(named)
            .map_err(|_| ConditionsError::Twice(id))?;
    }
    Ok(())
}

fn syntax(path: &Path, text: &str, error: &ParseErrors) -> ConditionsError {
    let first = error.iter().next();
    let offset = first
        .and_then(Diagnostic::labels)
        .and_then(|mut labels| labels.next())
        .map_or(0, |label| label.offset());
    let before = text.get(..offset).unwrap_or_default();
    ConditionsError::Syntax {
        path: path.into(),
        line: before.matches('\n').count() + 1,
        reason: first.map_or_else(|| error.to_string(), ToString::to_string),
    }
}

fn check(policies: &PolicySet) -> Result<(), ConditionsError> {
    let result = VALIDATOR.validate(policies, ValidationMode::Strict);
    match result.validation_errors().next() {
        None => Ok(()),
        Some(error) => Err(ConditionsError::Meaning {
            id: error.policy_id().to_string(),
            reason: error.to_string(),
        }),
    }
}

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let (schema, _) = Schema::from_cedarschema_str(SCHEMA).expect("a test reads it");
    Validator::new(schema)
});

/// What rules can speak of. The time is in seconds since 1970.
const SCHEMA: &str = include_str!("../schema.cedarschema");
