//! `rooma schema`: what a line may be.

use super::print;
use crate::error::Result;

/// Print the JSON Schema of every line
///
/// Risk: read
///
/// Example:
///   rooma schema > rooma.schema.json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {}

pub fn run(_args: &Args) -> Result<()> {
    let text = serde_json::to_string_pretty(&crate::event::schema()).expect("a JSON value is JSON");
    print::line(&text)
}
