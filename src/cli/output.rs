//! How a verb's value reaches stdout: as JSON, line by line, as a table, or through jq.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::interrupt::UnderWay;
use super::jq::Jq;
use super::print;
use crate::error::{Error, Kind, Result};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    #[default]
    Json,
    Ndjson,
    Table,
}

/// Made before a verb does anything, so that a bad expression costs nothing.
pub struct Output {
    format: Format,
    jq: Option<Jq>,
}

impl Output {
    pub fn new(format: Format, jq: Option<&str>) -> Result<Output> {
        Ok(Output { format, jq: jq.map(Jq::new).transpose()? })
    }

    /// The value of a verb that has changed something. It is done whatever becomes of the output, so a filter that
    /// fails shows the whole value instead, and an output that fails says what was done.
    pub fn emit_done<T: Serialize>(&self, value: &T) -> Result<()> {
        let whole = serde_json::to_string(value).unwrap_or_default();
        let _done = UnderWay::done(done(&whole));
        let Err(error) = self.emit(value) else { return Ok(()) };
        if self.jq.is_some() && error.kind == Kind::Validation {
            print::note(&format!("warning: {}; it was done, and the whole value follows", error.message));
            return print::line(&whole).map_err(|error| done_all_the_same(error, &whole));
        }
        Err(done_all_the_same(error, &whole))
    }

    pub fn emit<T: Serialize>(&self, value: &T) -> Result<()> {
        let text = serde_json::to_string(value)
            .map_err(|error| Error::internal(format!("the result is no JSON: {error}")))?;
        let shown = match (&self.jq, self.format) {
            (Some(jq), _) => jq.run(&text)?,
            (None, Format::Json) if print::is_terminal() => pretty(value)?,
            (None, Format::Json) => text,
            (None, Format::Ndjson) => lines(&text),
            (None, Format::Table) => table(&text),
        };
        // An empty list has no lines, and an empty line would be no JSON.
        if shown.is_empty() { Ok(()) } else { print::line(&shown) }
    }
}

fn done_all_the_same(error: Error, whole: &str) -> Error {
    error.subtype("output_failed").retryable(false).hint(done(whole))
}

fn done(whole: &str) -> String {
    format!("it was done, do not repeat it: {whole}")
}

fn pretty<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string_pretty(value).map_err(|error| Error::internal(error.to_string()))
}

#[derive(Deserialize)]
struct Listed<'a> {
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

fn items(text: &str) -> Option<Vec<&str>> {
    let listed: Listed<'_> = serde_json::from_str(text).ok()?;
    Some(listed.items?.into_iter().map(RawValue::get).collect())
}

fn lines(text: &str) -> String {
    items(text).map_or_else(|| text.to_owned(), |items| items.join("\n"))
}

/// Keys in the order they were written.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pairs, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Pairs;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// Longest cell: a table is for a glance.
const CELL_MAX: usize = 80;

fn table(text: &str) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    let rows: Vec<Pairs> = match items(text) {
        Some(items) => items.into_iter().filter_map(|item| serde_json::from_str(item).ok()).collect(),
        None => {
            let Ok(Pairs(pairs)) = serde_json::from_str(text) else { return text.to_owned() };
            table.add_rows(pairs.into_iter().map(|(key, value)| [key, cell(&value)]));
            return trimmed(&table);
        }
    };
    let mut columns: Vec<&str> = Vec::new();
    for (key, value) in rows.iter().flat_map(|Pairs(pairs)| pairs) {
        if is_shown(value) && !columns.contains(&key.as_str()) {
            columns.push(key);
        }
    }
    table.set_header(columns.iter().map(|column| column.to_uppercase()));
    for Pairs(pairs) in &rows {
        let of = |column: &&str| {
            pairs.iter().find(|(key, _)| key == column).map_or(String::new(), |(_, v)| cell(v))
        };
        table.add_row(columns.iter().map(of));
    }
    trimmed(&table)
}

/// Lists and objects are too much for a glance, but why something failed is not.
fn is_shown(value: &Value) -> bool {
    match value {
        Value::Array(_) => false,
        Value::Object(_) => message(value).is_some(),
        _ => true,
    }
}

/// The sentence of an error.
fn message(value: &Value) -> Option<&str> {
    value.get("message")?.as_str()
}

fn trimmed(table: &comfy_table::Table) -> String {
    table.to_string().lines().map(str::trim).collect::<Vec<_>>().join("\n")
}

fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.replace('\n', " "),
        other => message(other).map_or_else(|| other.to_string(), |text| text.replace('\n', " ")),
    };
    match text.char_indices().nth(CELL_MAX) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"{"items":[{"b":"x\ny","a":1,"l":[]},{"b":"z","c":true}],"has_more":false}"#;

    #[test]
    fn a_list_is_a_line_for_each_and_anything_else_one_line() {
        assert_eq!(lines(LIST), "{\"b\":\"x\\ny\",\"a\":1,\"l\":[]}\n{\"b\":\"z\",\"c\":true}");
        assert_eq!(lines("{\"a\":1}"), "{\"a\":1}");
        assert_eq!(lines("{\"items\":[]}"), "");
    }

    #[test]
    fn a_table_says_why_a_part_failed() {
        let table = table(
            r#"{"items":[{"ok":true,"x":{"y":1}},{"ok":false,"error":{"code":1,"message":"no\nway"}}]}"#,
        );
        let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows, [vec!["OK", "ERROR"], vec!["true"], vec!["false", "no", "way"]]);
    }

    #[test]
    fn a_table_has_the_columns_of_all_rows_in_order() {
        let table = table(LIST);
        let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows, [vec!["B", "A", "C"], vec!["x", "y", "1"], vec!["z", "true"]]);
    }
}
