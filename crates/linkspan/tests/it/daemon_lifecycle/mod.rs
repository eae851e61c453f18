//! Daemons that start themselves, as real processes: the example `daemon`, called as users call it.

mod bed;
mod builds;
mod failures;
mod hostile;
mod library;
mod races;
mod signals;
mod streams;
