//! All clauses, by what they are about.

mod answers;
mod calls;
mod ending;
mod manifest;
mod opening;
mod session;
mod starting;
mod watched;
mod wrong;

use crate::plugin::check::Clause;

/// All clauses, in the order in which they are tried out: what was watched meanwhile comes last.
pub(super) fn all() -> impl Iterator<Item = &'static Clause> {
    let [form, place] = wrong::CLAUSES;
    let groups = [
        starting::CLAUSES,
        opening::CLAUSES,
        answers::CLAUSES,
        manifest::CLAUSES,
        calls::CLAUSES,
        session::CLAUSES,
        form,
        place,
        ending::CLAUSES,
        watched::CLAUSES,
    ];
    groups.into_iter().flatten()
}
