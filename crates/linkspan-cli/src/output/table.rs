//! Tables without frames: columns that line up.

use std::fmt::{self, Display};

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement};

use crate::output::{Style, plain};

/// A table.
#[derive(Debug)]
pub(crate) struct Table {
    table: comfy_table::Table,
    /// How to mark the heads, if there are any.
    heads: Option<Style>,
}

impl Table {
    /// A table with these heads.
    pub(crate) fn new<const N: usize>(heads: [&str; N], style: Style) -> Self {
        let mut table = Self::of_facts();
        table.table.set_header(heads);
        table.heads = Some(style);
        table
    }

    /// A table of names and values.
    pub(crate) fn of_facts() -> Self {
        let mut table = comfy_table::Table::new();
        table
            .load_style(NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        Self { table, heads: None }
    }

    /// Adds a row; what a terminal would obey is escaped.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.table
            .add_row(cells.map(|cell| plain(&cell).into_owned()));
    }

    /// Adds a name with its value.
    pub(crate) fn fact(&mut self, name: &str, value: impl Display) {
        self.row([name.to_owned(), value.to_string()]);
    }

    /// Lines columns up at their right edges.
    pub(crate) fn right(mut self, columns: &[usize]) -> Self {
        for column in columns {
            if let Some(column) = self.table.column_mut(*column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        self
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.table.to_string();
        let mut lines = text.lines().map(str::trim_end);
        // Marks are set afterwards: they would count as letters.
        if let Some(style) = self.heads {
            write!(f, " {}", style.title(lines.next().unwrap_or_default()))?;
        }
        for (number, line) in lines.enumerate() {
            if number > 0 || self.heads.is_some() {
                f.write_str("\n")?;
            }
            write!(f, " {line}")?;
        }
        Ok(())
    }
}
