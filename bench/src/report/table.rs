//! Tables that read well on a terminal and are Markdown, too.

use std::fmt;

/// Rows under a head. The first two columns are text, the others are numbers.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(head: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            rows: vec![head.into_iter().map(Into::into).collect()],
        }
    }

    pub(crate) fn add(&mut self, row: impl IntoIterator<Item = String>) {
        self.rows.push(row.into_iter().collect());
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
                .max(3)
        };
        (0..columns).map(width).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for (index, row) in self.rows.iter().enumerate() {
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                write_cell(f, column, cell, width)?;
            }
            writeln!(f, "|")?;
            if index == 0 {
                write_rule(f, &widths)?;
            }
        }
        Ok(())
    }
}

fn write_cell(f: &mut fmt::Formatter<'_>, column: usize, cell: &str, width: usize) -> fmt::Result {
    if column < TEXT {
        write!(f, "| {cell:width$} ")
    } else {
        write!(f, "| {cell:>width$} ")
    }
}

fn write_rule(f: &mut fmt::Formatter<'_>, widths: &[usize]) -> fmt::Result {
    for (column, &width) in widths.iter().enumerate() {
        let colon = if column < TEXT { '-' } else { ':' };
        write!(f, "|{:-<width$}-{colon}", "")?;
    }
    writeln!(f, "|")
}

const TEXT: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_at_the_right() {
        let mut table = Table::new(["case", "peer", "µs"]);
        table.add(["one".to_owned(), "tokio".to_owned(), "12,345".to_owned()]);
        let expected = "\
            | case | peer  |     µs |\n\
            |------|-------|-------:|\n\
            | one  | tokio | 12,345 |\n";
        assert_eq!(table.to_string(), expected);
    }
}
