//! `rooma help`: call people when stuck. Without a topic, the usage of the program.

use clap::CommandFactory;

use super::context::{ChatArg, Common, Context};
use super::say::say_anyway;
use super::{Arguments, Global, print};
use crate::error::{Error, Result};
use crate::transport::outgoing::Outgoing;

/// Call people when you are stuck: post a 🆘 with what it is about
///
/// Mentions the people in `escalation` of config/contacts.yaml and those in --mention. Without --topic it
/// shows how rooma is used; `rooma help VERB` shows it for one verb.
///
/// Risk: write
///
/// Example:
///   rooma help --topic "stuck on X" --detail "tried Y; need Z" --chat ops
///
/// AI agents: say what you tried and what you need, in words a person understands who has not followed you.
/// Then wait for the answer; do not ask twice.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Show the usage of this verb
    #[arg(value_name = "VERB", conflicts_with = "topic")]
    verb: Option<String>,
    /// What it is about, in a few words
    #[arg(long, value_name = "TEXT")]
    topic: Option<String>,
    /// What was tried and what is needed; @FILE or - as for send
    #[arg(long, value_name = "TEXT", requires = "topic")]
    detail: Option<String>,
    #[command(flatten)]
    chat: ChatArg,
    /// Call this member too: an alias, a name, a profile or an id; may be repeated
    #[arg(long, value_name = "WHO", requires = "topic")]
    mention: Vec<String>,
    /// Tell the working folder as well
    #[arg(long, requires = "topic")]
    with_folder: bool,
    /// Repeating a call with the same key within an hour posts nothing new
    #[arg(long, value_name = "KEY", requires = "topic")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    common: Common,
}

pub async fn run(args: Args, global: &Global) -> Result<()> {
    match &args.topic {
        Some(topic) => escalate(topic, &args, global).await,
        None => usage(args.verb.as_deref()),
    }
}

fn usage(verb: Option<&str>) -> Result<()> {
    let mut program = Arguments::command();
    program.build();
    let Some(name) = verb else { return print::line(program.render_long_help().to_string().trim_end()) };
    let Some(verb) = program.find_subcommand_mut(name) else {
        return Err(Error::validation(format!("there is no verb `{}`", super::context::shown(name)))
            .hint("`rooma help` lists the verbs; to call people: rooma help --topic … --detail …"));
    };
    let usage = verb.render_long_help().to_string();
    print::line(usage.trim_end())
}

async fn escalate(topic: &str, args: &Args, global: &Global) -> Result<()> {
    let context = Context::open(global, &args.common).await?;
    let key = context.key(args.idempotency_key.as_deref())?;
    let topic = context.body("--topic", topic, &args.mention)?;
    let detail =
        args.detail.as_deref().map(|detail| context.body("--detail", detail, &args.mention)).transpose()?;
    let (target, around) = context.recipient(args.chat.chat.as_deref()).await?;
    let roster = context.roster(&around);
    let mut mentions = roster.find(&args.mention).await?;
    let mut warnings = Vec::new();
    // Who cannot be called from here is no reason to call nobody.
    for contact in &context.config.contacts.escalation {
        match roster.find(std::slice::from_ref(contact)).await {
            Ok(found) => {
                mentions.extend(found.into_iter().filter(|who| !mentions.contains(who)).collect::<Vec<_>>())
            }
            Err(error) => {
                warnings.push(format!("`{contact}` of the escalation list is not called: {}", error.message))
            }
        }
    }
    if mentions.is_empty() {
        warnings.push(
            "nobody is called: name people in `escalation` of config/contacts.yaml or in --mention"
                .to_owned(),
        );
    }
    let text = text(&topic, detail.as_deref(), &signature(&context, args.with_folder));
    let parts = context.account.split(&Outgoing::text(text).calling(mentions))?;
    let mut said = say_anyway(&context, &target, &parts, &key).await?;
    said.warnings = warnings;
    context.output.emit_done(&said)
}

fn text(topic: &str, detail: Option<&str>, signature: &str) -> String {
    let detail = detail.map(|detail| format!("\n{detail}")).unwrap_or_default();
    format!("🆘 {topic}{detail}\n— {signature}")
}

/// Who asks: the profile, the machine, and the folder where that is wanted.
fn signature(context: &Context, folder: bool) -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let folder = folder.then(std::env::current_dir).and_then(std::result::Result::ok);
    let folder = folder.map(|folder| format!(", in {}", folder.display())).unwrap_or_default();
    format!("{} on {host}{folder}", context.profile.name)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_call_for_help_says_what_and_who() {
        let said = super::text("stuck on X", Some("tried Y"), "alice on host");
        assert_eq!(said, "🆘 stuck on X\ntried Y\n— alice on host");
    }
}
