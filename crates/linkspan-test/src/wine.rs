//! What Wine cannot do.

/// Whether this runs under Wine, which cannot do what is named; the Windows lane lists it.
pub fn is_gap(what: &str) -> bool {
    let is_wine = std::env::var_os("UNDER_WINE").is_some();
    if is_wine {
        #[expect(clippy::print_stdout, reason = "the lane reads it")]
        {
            println!("gap: {what}");
        }
    }
    is_wine
}
