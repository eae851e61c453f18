//! JSON for people: what the values are is seen at a glance.

use std::fmt::Write;

use serde_json::Value;

use crate::output::Style;

/// A value over several lines.
pub(crate) fn pretty(value: &Value, style: Style) -> String {
    let mut text = String::new();
    write_value(&mut text, value, style, Some(0));
    text
}

/// A value in one line.
pub(crate) fn compact(value: &Value, style: Style) -> String {
    let mut text = String::new();
    write_value(&mut text, value, style, None);
    text
}

/// Adds a field to an object.
pub(crate) fn add(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Value::Object(fields) = object {
        fields.insert(name.to_owned(), value.into());
    }
}

fn write_value(out: &mut String, value: &Value, style: Style, indent: Option<usize>) {
    // Writing into a string cannot fail.
    let written = match value {
        Value::Object(map) if !map.is_empty() => {
            let entries = map.iter().map(|(key, value)| (Some(key), value));
            return write_all(out, ['{', '}'], entries, style, indent);
        }
        Value::Array(items) if !items.is_empty() => {
            let items = items.iter().map(|item| (None, item));
            return write_all(out, ['[', ']'], items, style, indent);
        }
        Value::String(_) => write!(out, "{}", style.good(value)),
        Value::Number(_) | Value::Bool(_) => write!(out, "{}", style.warning(value)),
        _ => write!(out, "{}", style.dim(value)),
    };
    written.unwrap_or_default();
}

fn write_all<'a>(
    out: &mut String,
    [open, close]: [char; 2],
    entries: impl Iterator<Item = (Option<&'a String>, &'a Value)>,
    style: Style,
    indent: Option<usize>,
) {
    out.push(open);
    let deeper = indent.map(|indent| indent + 2);
    for (number, (key, value)) in entries.enumerate() {
        if number > 0 {
            out.push_str(if deeper.is_some() { "," } else { ", " });
        }
        new_line(out, deeper);
        if let Some(key) = key {
            let key = Value::from(key.as_str());
            write!(out, "{}: ", style.name(key)).unwrap_or_default();
        }
        write_value(out, value, style, deeper);
    }
    new_line(out, indent);
    out.push(close);
}

fn new_line(out: &mut String, indent: Option<usize>) {
    if let Some(indent) = indent {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', indent));
    }
}
