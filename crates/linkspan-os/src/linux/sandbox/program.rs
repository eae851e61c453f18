//! The process that becomes the program.

use std::os::fd::AsFd;

use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, chdir, getppid, set_parent_process_death_signal, setsid, umask,
};
use rustix::thread::set_no_new_privs;

use super::filter::Filters;
use super::prepare::Prepared;
use super::step::{At, Failure, Report, Step, report};
use super::{lifeline, raw};
use crate::unix::signals;

/// Becomes the program, step by step; what fails is told, and ends it.
pub(super) fn run(prepared: &Prepared, parent: Pid) -> ! {
    report(&prepared.report, Report::Begun);
    // Meanwhile the host gets hold of this process, by what cannot become another.
    if !lifeline::wait_for_word(&prepared.lifeline) {
        raw::exit(1);
    }
    let Err(failure) = become_program(prepared, parent);
    report(&prepared.report, Report::Failed(failure));
    raw::exit(127)
}

fn become_program(prepared: &Prepared, parent: Pid) -> Result<std::convert::Infallible, Failure> {
    setsid().at(Step::Session)?;
    prepared.limits.apply().at(Step::Limits)?;
    if !prepared.namespaces.has_pid() {
        // Else its parent was that before, and so is this process.
        prepared.change.apply().at(Step::Identity)?;
    }
    end_with(parent).at(Step::Parent)?;
    chdir(&*prepared.directory).at(Step::Directory)?;
    umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    arrange_descriptors(prepared).at(Step::Descriptors)?;
    signals::reset();
    restrict(prepared)?;
    let program = prepared.program.as_fd();
    Err(raw::execute(
        program,
        &prepared.arguments,
        &prepared.environment,
    ))
    .at(Step::Execute)
}

fn end_with(parent: Pid) -> Result<(), Errno> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have ended before that was asked for.
    if getppid() == Some(parent) {
        Ok(())
    } else {
        Err(Errno::SRCH)
    }
}

/// The program's descriptors get their numbers; what is above is closed with the exec, and so is
/// what is between them right here.
fn arrange_descriptors(prepared: &Prepared) -> Result<(), Errno> {
    let mut next = 0;
    for (number, from) in &prepared.descriptors {
        (next..*number).for_each(raw::close);
        raw::inherit_as(from.as_fd(), *number)?;
        next = number + 1;
    }
    raw::close_on_exec_from(next)
}

/// From the first of these steps on there is no way back.
fn restrict(prepared: &Prepared) -> Result<(), Failure> {
    if prepared.landlock.is_some() || prepared.filters.is_some() {
        set_no_new_privs(true).at(Step::Privileges)?;
    }
    if let Some(rules) = &prepared.landlock {
        rules.restrict_self().at(Step::Landlock)?;
    }
    let filters = prepared.filters.into_iter();
    for filter in filters.flat_map(Filters::iter) {
        raw::filter_calls(filter).at(Step::Filter)?;
    }
    Ok(())
}
