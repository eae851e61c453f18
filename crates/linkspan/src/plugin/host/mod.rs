//! Running plugins: started, watched, called, and ended with their host.

mod terms;

pub use terms::{Balancing, Descriptor, Inherited, Terms};
