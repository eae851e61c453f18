//! Conditions: rules in the policy language Cedar.

mod error;
mod facts;
mod loading;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use cedar_policy::{AuthorizationError, Authorizer, Effect, PolicySet};

use crate::auth::Principal;
use crate::auth::policy::rules::Judge;
use crate::auth::policy::{Access, Decision, Policy, Rule};
pub use error::ConditionsError;

impl Policy {
    /// Adds the conditions of all `*.cedar` files in a folder, in the order of their names.
    ///
    /// Every file is checked against the schema of this crate, so that a misspelt attribute is an
    /// error here and not a rule that never holds.
    ///
    /// # Errors
    ///
    /// Any [`ConditionsError`]; it names the file and the line.
    pub fn conditions(self, folder: &Path) -> Result<Self, ConditionsError> {
        let conditions = Conditions {
            policies: loading::load(folder)?,
            authorizer: Authorizer::new(),
        };
        Ok(self.with_judge(Arc::new(conditions)))
    }
}

struct Conditions {
    policies: PolicySet,
    authorizer: Authorizer,
}

impl Judge for Conditions {
    fn judge(
        &self,
        principal: &Principal,
        roles: &[&str],
        access: &Access<'_>,
    ) -> Option<Decision> {
        let (request, entities) = match facts::facts(principal, roles, access) {
            Ok(facts) => facts,
            // Rules that forbid something cannot be asked; nobody gets around them by that.
            Err(reason) => return Some(unjudged("all", reason.to_string())),
        };
        let response = self
            .authorizer
            .is_authorized(&request, &self.policies, &entities);
        let diagnostics = response.diagnostics();
        // Cedar leaves out rules that fail, which must not be a way around one that forbids.
        for error in diagnostics.errors() {
            let AuthorizationError::PolicyEvaluationError(error) = error;
            let policy = self.policies.policy(error.policy_id());
            if policy.is_none_or(|policy| policy.effect() == Effect::Forbid) {
                let id = error.policy_id().to_string();
                return Some(unjudged(&id, error.inner().to_string()));
            }
        }
        let id = diagnostics.reason().min_by_key(ToString::to_string)?;
        let rule = Rule::Condition { id: id.to_string() };
        Some(match response.decision() {
            cedar_policy::Decision::Allow => Decision::permit(rule),
            cedar_policy::Decision::Deny => Decision::deny(rule),
        })
    }
}

fn unjudged(id: &str, reason: String) -> Decision {
    let id = id.to_owned();
    Decision::deny(Rule::Unjudged { id, reason })
}

impl fmt::Debug for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.policies.policies().map(|policy| policy.id());
        f.debug_list().entries(ids).finish()
    }
}
