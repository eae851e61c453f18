//! What conditions look at.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::sync::LazyLock;
use std::time::SystemTime;

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression,
};

use crate::auth::Principal;
use crate::auth::policy::Access;

/// The question, as Cedar takes it. Roles are those that the principal has, from wherever.
pub(super) fn facts(
    principal: &Principal,
    roles: &[&str],
    access: &Access<'_>,
) -> Result<(Request, Entities), Box<dyn Error>> {
    let who = described(principal, roles)?;
    let what = Entity::new(
        uid(&TYPES.resource, access.resource),
        HashMap::from([
            ("name".into(), text(access.resource)),
            (
                "is_mask".into(),
                RestrictedExpression::new_bool(access.is_of_mask()),
            ),
        ]),
        HashSet::new(),
    )?;
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let seconds = RestrictedExpression::new_long(since_1970.as_secs().try_into()?);
    let request = Request::new(
        who.uid(),
        uid(&TYPES.action, access.action.as_str()),
        what.uid(),
        Context::from_pairs([("time".into(), seconds)])?,
        None,
    )?;
    Ok((request, Entities::from_entities([who, what], None)?))
}

fn described(principal: &Principal, roles: &[&str]) -> Result<Entity, Box<dyn Error>> {
    let tags = principal
        .attributes
        .iter()
        .map(|(name, value)| (name.clone(), text(value)));
    Ok(Entity::new_with_tags(
        uid(&TYPES.principal, &principal.name),
        [("name".into(), text(&principal.name))],
        roles.iter().map(|role| uid(&TYPES.role, role)),
        tags,
    )?)
}

fn text(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.into())
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

/// Names of the schema's types.
struct Types {
    principal: EntityTypeName,
    role: EntityTypeName,
    action: EntityTypeName,
    resource: EntityTypeName,
}

static TYPES: LazyLock<Types> = LazyLock::new(|| {
    let name = |name: &str| name.parse().expect("it is an identifier");
    Types {
        principal: name("Principal"),
        role: name("Role"),
        action: name("Action"),
        resource: name("Resource"),
    }
});
