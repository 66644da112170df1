//! `rooma profile traits`: what the platform of a profile can.

use serde::Serialize;

use super::Global;
use super::context::{Common, Context};
use crate::error::Result;
use crate::transport::traits::Traits;

/// Look at a profile
///
/// Examples:
///   rooma profile traits alice
///   rooma profile traits --profile alice --jq .same_send
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Traits(TraitsArgs),
}

/// Show what a profile's platform can, and what it cannot
///
/// Asks nobody: these are facts of the platform, not of the app's scopes.
///
/// Risk: read
///
/// Example:
///   rooma profile traits alice
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
struct TraitsArgs {
    /// The profile [default: as for every verb]
    #[arg(value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Serialize)]
struct Shown {
    ok: bool,
    profile: String,
    transport: &'static str,
    #[serde(flatten)]
    traits: &'static Traits,
}

pub async fn run(args: Args, global: &Global) -> Result<()> {
    let Command::Traits(args) = args.command;
    let global = Global { profile: args.name.or_else(|| global.profile.clone()), ..global.clone() };
    let context = Context::open(&global, &args.common).await?;
    let transport = context.profile.transport;
    let profile = context.profile.name.to_string();
    context.output.emit(&Shown { ok: true, profile, transport: transport.name(), traits: transport.traits() })
}
