//! What stands in docs/protocol.md.

use std::collections::BTreeMap;

/// The bytes of all native frames, ```` ```golden NAME ````.
pub(super) fn golden() -> BTreeMap<&'static str, Vec<u8>> {
    blocks("golden")
}

/// The bytes of all blocks ```` ```MARK NAME ````; what follows a `#` is for people.
pub(super) fn blocks(mark: &str) -> BTreeMap<&'static str, Vec<u8>> {
    let blocks: Vec<_> = DOCUMENT
        .split(&format!("\n```{mark} "))
        .skip(1)
        .map(|block| {
            let (name, rest) = block.split_once('\n').unwrap();
            let (body, _) = rest.split_once("\n```").unwrap();
            let digits = body
                .lines()
                .flat_map(|line| line.split('#').next().unwrap().split_whitespace());
            let bytes = digits.map(|byte| {
                u8::from_str_radix(byte, 16).unwrap_or_else(|_| panic!("{byte:?} in {name}"))
            });
            (name, bytes.collect())
        })
        .collect();
    let count = blocks.len();
    let golden = BTreeMap::from_iter(blocks);
    assert_eq!(golden.len(), count, "two {mark} blocks have one name");
    golden
}

/// The rows of the first table under a heading, without the heads of its columns.
pub(super) fn rows(heading: &str) -> impl Iterator<Item = Vec<String>> {
    let table = section(heading)
        .lines()
        .skip_while(|line| !line.starts_with('|'));
    let cells = |line: &str| {
        let cells = line.trim_matches('|').split('|');
        cells
            .map(|cell| cell.replace('`', "").trim().to_owned())
            .collect()
    };
    table
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(cells)
}

/// What stands under a heading, up to the next one.
pub(super) fn section(heading: &str) -> &'static str {
    let (_, section) = DOCUMENT
        .split_once(&format!("\n{heading}"))
        .unwrap_or_else(|| panic!("docs/protocol.md has no section {heading:?}"));
    section.split("\n##").next().unwrap_or_default()
}

/// Whether there is a section with this number.
pub(super) fn has_section(number: &str) -> bool {
    let headings = DOCUMENT.lines().filter(|line| line.starts_with("##"));
    let mut numbers = headings.filter_map(|line| line.split_whitespace().nth(1));
    numbers.any(|found| found.trim_end_matches('.') == number)
}

const DOCUMENT: &str = include_str!("../../../../../docs/protocol.md");
