//! Tables as markdown tables, and charts as their title and figures.

use serde_json::Value;

use super::Reading;
use super::node::{self, Node};
use crate::transport::feishu::{tidy, time};

struct Column {
    key: String,
    shown: String,
    data_type: String,
    /// Stands before each number: a currency.
    symbol: String,
}

impl Reading<'_> {
    pub fn table(&mut self, node: Node<'_>) {
        let rows = ["rows", "cells", "elements", "children", "content"].iter().find_map(|key| node.get(key));
        let rows: &[Value] = rows.and_then(Value::as_array).map_or(&[], Vec::as_slice);
        let columns: Vec<Column> =
            node.list("columns").iter().filter_map(Node::of).map(|column| self.column(column)).collect();
        let columns = if columns.is_empty() { keys(rows) } else { columns };
        self.page.line();
        if columns.is_empty() {
            return self.plain_rows(rows);
        }
        self.table_row(columns.iter().map(|column| column.shown.clone()));
        self.table_row(columns.iter().map(|_| "---".to_owned()));
        for row in rows {
            if self.page.is_full() {
                self.page.cut = true;
                return;
            }
            let cells: Vec<String> = columns.iter().map(|column| self.field(row, column)).collect();
            self.table_row(cells.into_iter());
        }
    }

    fn column(&mut self, node: Node<'_>) -> Column {
        let key = node.word("name").into_owned();
        let shown = self.label(node, &["display_name", "title", "text", "name"]);
        let format = node.get("format").and_then(Node::of);
        let symbol = format.map(|format| format.word("symbol").into_owned()).unwrap_or_default();
        Column { key, shown, data_type: node.word("data_type").into_owned(), symbol }
    }

    fn field(&mut self, row: &Value, column: &Column) -> String {
        let Some(cell) = Node::of(row).and_then(|row| row.get(&column.key)) else { return String::new() };
        let cell = cell.get("data").unwrap_or(cell);
        match column.data_type.as_str() {
            "persons" | "person" => self.people(cell),
            "date" => match time::millis(&node::scalar(cell)) {
                Some(millis) => time::rfc3339(millis),
                None => self.said(cell),
            },
            "number" => format!("{}{}", column.symbol, self.cell(cell)),
            "markdown" | "lark_md" => match cell {
                Value::String(text) => self.markdown_text(text),
                cell => self.cell(cell),
            },
            _ => self.cell(cell),
        }
    }

    /// Options stand beside each other.
    fn cell(&mut self, cell: &Value) -> String {
        match cell {
            Value::Array(items) => {
                let said: Vec<String> = items.iter().map(|item| self.said(item)).collect();
                said.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ")
            }
            Value::Bool(flag) => flag.to_string(),
            cell => self.said(cell),
        }
    }

    /// Rows without names for their columns; the first is the head.
    fn plain_rows(&mut self, rows: &[Value]) {
        for (index, row) in rows.iter().enumerate() {
            if self.page.is_full() {
                self.page.cut = true;
                return;
            }
            let cells = match row {
                Value::Array(cells) => cells.as_slice(),
                row => Node::of(row).map(cells).unwrap_or_default(),
            };
            let said: Vec<String> = cells.iter().map(|cell| self.said(cell)).collect();
            let count = said.len();
            self.table_row(said.into_iter());
            if index == 0 && count > 0 {
                self.table_row(std::iter::repeat_n("---".to_owned(), count));
            }
        }
    }

    fn table_row(&mut self, cells: impl Iterator<Item = String>) {
        let cells: Vec<String> =
            cells.map(|cell| cell.trim().replace('|', "\\|").replace('\n', " ")).collect();
        if !cells.is_empty() {
            self.page.block(&format!("| {} |", cells.join(" | ")));
        }
    }

    pub fn chart(&mut self, node: Node<'_>) {
        let spec = node.get("chart_spec").and_then(Node::of).unwrap_or(node);
        let title = self.label(spec, &["title"]);
        let title = if title.is_empty() { self.label(node, &["title"]) } else { title };
        let below = spec.get("title").and_then(Node::of);
        let below = below.map(|title| self.label(title, &["subtext"])).unwrap_or_default();
        let axes: Vec<String> = spec.list("axes").iter().map(|axis| self.axis(axis)).collect();
        let axes = filled(axes, ", ");
        let axes = if axes.is_empty() { axes } else { format!("axes: {axes}") };
        let about = filled([spec.word("type").into_owned(), axes], "; ");
        let mut shown = filled([title, below], " ");
        if !about.is_empty() {
            shown += &format!(" ({about})");
        }
        let figures = spec.get("data").map(points).unwrap_or_default().join(", ");
        let series = spec.list("series").iter().map(|series| self.series(series));
        let figures = filled(std::iter::once(figures).chain(series), "; ");
        if !figures.is_empty() {
            shown += &format!(": {figures}");
        }
        let gap = if shown.is_empty() || shown.starts_with([':', ' ']) { "" } else { " " };
        self.page.block(&format!("{}]", tidy::line(&format!("[chart{gap}{shown}"))));
    }

    fn axis(&mut self, axis: &Value) -> String {
        Node::of(axis).map(|axis| self.label(axis, &["title"])).unwrap_or_default()
    }

    /// `Sold: Mon 10, Tue 20`
    fn series(&mut self, series: &Value) -> String {
        let Some(node) = Node::of(series) else { return String::new() };
        let name = self.label(node, &["name", "title"]);
        filled([name, node.get("data").map(points).unwrap_or_default().join(", ")], ": ")
    }
}

/// Those that are not empty, joined.
fn filled(parts: impl IntoIterator<Item = String>, gap: &str) -> String {
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.trim().is_empty()).collect();
    parts.join(gap)
}

/// The columns of rows that are objects, in any order but always the same.
fn keys(rows: &[Value]) -> Vec<Column> {
    let named =
        |row: &&Value| Node::of(row).is_some_and(|node| node.tag.is_empty() && cells(node).is_empty());
    let mut keys: Vec<&String> =
        rows.iter().filter(named).filter_map(Value::as_object).flat_map(|row| row.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let column = |key: &String| Column {
        key: key.clone(),
        shown: key.clone(),
        data_type: String::new(),
        symbol: String::new(),
    };
    keys.into_iter().map(column).collect()
}

fn cells<'v>(row: Node<'v>) -> &'v [Value] {
    let lists = ["cells", "columns", "elements", "children", "content"].iter().map(|key| row.list(key));
    lists.into_iter().find(|cells| !cells.is_empty()).unwrap_or_default()
}

/// `Mon 10` for each point of each series.
fn points(data: &Value) -> Vec<String> {
    match data {
        Value::Array(series) => series.iter().flat_map(points).collect(),
        Value::Object(map) => match map.get("values").and_then(Value::as_array) {
            Some(values) => values.iter().flat_map(points).collect(),
            None => {
                // Words before figures: that is how a point reads, whatever its fields are called.
                let (words, figures): (Vec<_>, Vec<_>) =
                    map.values().filter(|value| node::says(value)).partition(|value| value.is_string());
                let parts: Vec<_> = words
                    .into_iter()
                    .chain(figures)
                    .map(node::scalar)
                    .filter(|part| !part.is_empty())
                    .collect();
                // Points in a point: branches of a tree, a value with its unit.
                let inner = map.values().filter(|value| value.is_array() || value.is_object());
                let inner: Vec<String> = inner.flat_map(points).collect();
                match (parts.join(" "), inner) {
                    (point, inner) if point.is_empty() => inner,
                    (point, inner) if inner.is_empty() => vec![point],
                    (point, inner) => vec![format!("{point} ({})", inner.join(", "))],
                }
            }
        },
        value => {
            let point = node::scalar(value).into_owned();
            if point.is_empty() { Vec::new() } else { vec![point] }
        }
    }
}
