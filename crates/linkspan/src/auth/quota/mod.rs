//! How often principals may do something, and how much of it at once.
//!
//! ```text
//!  Guard ──► Limiter ──► Account, one for each principal ──► Place, until what was permitted ends
//!               └── Quotas: for everything together, and for what lies within rights
//! ```
//!
//! A [`Guard`](crate::auth::policy::Guard) keeps to [`Quotas`] wherever it is asked, so that there is one
//! account for all capabilities and listeners that ask the same guard.

mod account;
mod limiter;
mod place;
mod settings;
#[cfg(test)]
mod tests;

pub use limiter::{Bound, Excess};
pub use settings::{Quota, Quotas};

pub(crate) use limiter::Limiter;
pub(crate) use place::Place;
