//! Who is there.

mod principal;

pub use principal::Principal;
