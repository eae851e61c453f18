//! `cargo xtask shape`: the figures of the style rules, for whoever wants to know.

use anyhow::Result;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{ImplItemFn, ItemFn, TraitItemFn};

use crate::arch::source::Source;
use crate::arch::tree::Tree;

/// Print sizes of files and functions, and how much is documented, crate by crate
#[derive(Debug, clap::Args)]
pub(crate) struct Options {}

pub(crate) fn run(_options: &Options) -> Result<()> {
    let tree = Tree::load()?;
    let sources: Vec<_> = tree
        .sources
        .iter()
        .filter(|source| source.path.contains("/src/") && !source.is_test())
        .collect();
    let mut names: Vec<_> = sources.iter().map(|source| source.crate_name()).collect();
    names.dedup();
    names.sort_unstable();
    names.dedup();
    println!("{HEAD}");
    for name in names {
        let of_crate = sources.iter().filter(|source| source.crate_name() == name);
        println!("{}", Figures::of(of_crate.copied()).row(name));
    }
    println!("{}", Figures::of(sources.iter().copied()).row("all"));
    println!("{GOAL}");
    Ok(())
}

/// Lengths in lines.
#[derive(Debug, Default)]
struct Figures {
    files: Vec<usize>,
    functions: Vec<usize>,
    code: usize,
    docs: usize,
    comments: usize,
}

impl Figures {
    fn of<'a>(sources: impl Iterator<Item = &'a Source>) -> Self {
        let mut figures = Self::default();
        for source in sources {
            figures.files.push(source.lines().count());
            source.lines().for_each(|line| figures.count(line.trim()));
            figures.visit_file(&source.code);
        }
        figures.files.sort_unstable();
        figures.functions.sort_unstable();
        figures
    }

    fn count(&mut self, line: &str) {
        if line.starts_with("///") || line.starts_with("//!") {
            self.docs += 1;
        } else if line.starts_with("//") {
            self.comments += 1;
        } else if !line.is_empty() {
            self.code += 1;
        }
    }

    fn count_function(&mut self, function: &impl Spanned) {
        let span = function.span();
        self.functions.push(span.end().line - span.start().line + 1);
    }

    fn row(&self, name: &str) -> String {
        let file = |percent| percentile(&self.files, percent);
        let function = |percent| percentile(&self.functions, percent);
        let per_hundred = |lines: usize| (lines * 100 + self.code / 2) / self.code.max(1);
        format!(
            "{name:<16} {:>5} {:>6} {:>5} {:>5} {:>9} {:>6} {:>5} {:>5} {:>6} {:>4} {:>4}",
            self.files.len(),
            file(50),
            file(90),
            file(100),
            self.functions.len(),
            function(50),
            function(90),
            function(99),
            self.code,
            per_hundred(self.docs),
            per_hundred(self.comments),
        )
    }
}

impl<'a> Visit<'a> for Figures {
    fn visit_item_fn(&mut self, function: &'a ItemFn) {
        self.count_function(&function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'a ImplItemFn) {
        self.count_function(&function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'a TraitItemFn) {
        if let Some(block) = &function.default {
            self.count_function(block);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

/// The value that `percent` of the sorted values do not exceed.
fn percentile(sorted: &[usize], percent: usize) -> usize {
    let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(rank).copied().unwrap_or_default()
}

const HEAD: &str = "\
                 files median   p90   max functions median   p90   p99   code docs comments
crate                  (lines each)                 (lines of the body)       (per 100 of code)";
const GOAL: &str = "\
goal                   100-200  <400  <600              5-9          <60        25-50  3-8";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occur() {
        let sorted: Vec<usize> = (1..=10).collect();
        let found = [50, 90, 99, 100].map(|percent| percentile(&sorted, percent));
        assert_eq!(found, [5, 9, 10, 10]);
        assert_eq!(percentile(&[], 50), 0);
    }

    #[test]
    fn tests_are_not_counted() {
        let text = "//! Docs.\n// why\nfn f() {\n    g();\n}\n\n#[cfg(test)]\nmod tests {\n    fn g() {}\n}\n";
        let source = Source::parse("crates/linkspan/src/codec.rs", text).unwrap();
        let figures = Figures::of([&source].into_iter());
        assert_eq!((figures.code, figures.docs, figures.comments), (3, 1, 1));
        assert_eq!((figures.files, figures.functions), (vec![6], vec![3]));
    }
}
