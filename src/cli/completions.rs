//! `rooma completions`: the verbs and flags for a shell.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Arguments, print};
use crate::error::{Error, Result};

/// Print completions for a shell
///
/// Risk: read
///
/// Example:
///   rooma completions bash > ~/.local/share/bash-completion/completions/rooma
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Whose completions
    #[arg(value_enum)]
    shell: For,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum For {
    Bash,
    Zsh,
    Fish,
}

impl From<For> for Shell {
    fn from(shell: For) -> Shell {
        match shell {
            For::Bash => Shell::Bash,
            For::Zsh => Shell::Zsh,
            For::Fish => Shell::Fish,
        }
    }
}

pub fn run(args: &Args) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(Shell::from(args.shell), &mut Arguments::command(), "rooma", &mut script);
    let script = String::from_utf8(script).map_err(|error| Error::internal(error.to_string()))?;
    print::line(script.trim_end())
}
