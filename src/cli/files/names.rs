//! Names that strangers gave their files, as names that are safe here: no path, nothing unseen, nothing that a tool
//! would take for its orders.

/// Longest name of a downloaded file, in bytes; file systems take 255.
const NAME_MAX: usize = 180;

/// Before a name that a tool or an agent obeys wherever it finds it.
const RECEIVED: &str = "received-";

/// Files that agents, build tools and interpreters look for in the folder they work in, in lower case. With what
/// follows a `.` or a `-` where there is one, as in `Dockerfile.dev`.
const OBEYED: &[&str] = &[
    // Agents.
    "agent.md agents.md agents.override.md bootstrap.md claude.md claude.local.md codex.md context.md conventions.md",
    "copilot-instructions.md crush.md gemini.md heartbeat.md identity.md memory.md qwen.md skill.md soul.md tools.md",
    "user.md warp.md llms.txt rooma.yaml settings.json settings.local.json",
    // Build tools and runners.
    "ansible.cfg build build.bazel bunfig.toml configure build.gradle build.gradle.kts build.rs build.xml build.zig cargo.lock cargo.toml",
    "cmakelists.txt cmakepresets.json compose composer.json composer.lock containerfile default.nix deno.json deno.jsonc",
    "docker-compose dockerfile earthfile flake.nix gemfile gemfile.lock gnumakefile go.mod go.work gradle.properties",
    "gradlew gruntfile.js gulpfile.js jenkinsfile justfile lerna.json makefile meson.build mix.exs module.bazel mvnw",
    "nuget.config nx.json package-lock.json package.json package.swift pnpm-lock.yaml pnpm-workspace.yaml pom.xml",
    "procfile rakefile rust-toolchain settings.gradle settings.gradle.kts shell.nix snakefile taskfile tiltfile",
    "tsconfig.json turbo.json vagrantfile workspace wscript yarn.lock",
    // Interpreters.
    "conftest.py manage.py noxfile.py pip.conf pipfile poetry.lock poetry.toml pyproject.toml pytest.ini",
    "requirements.txt setup.cfg setup.py sitecustomize.py tox.ini usercustomize.py uv.lock uv.toml",
    // Desktops.
    "autorun.inf desktop.ini",
];

/// Endings of files that are carried out, or that set up what is, wherever they lie.
const OBEYED_ENDINGS: &str = ".code-workspace .config.cjs .config.js .config.json .config.mjs .config.ts .desktop .lnk \
                              .pth .service .tf .url .webloc";

/// A stranger's name for a file: the last part of it, and nothing that moves, hides or ends early.
pub fn visible_name(name: &str, fallback: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or("");
    let clean: String = crate::event::neutralise(last)
        .chars()
        .map(|c| {
            if matches!(c, '\u{FFFD}' | '\n' | '\t' | ':' | '*' | '?' | '"' | '<' | '>' | '|') {
                '_'
            } else {
                c
            }
        })
        .collect();
    let trimmed = clean.trim().trim_start_matches(['-', ' ']).trim_end_matches(['.', ' ']);
    let kept = match trimmed.rsplit_once('.') {
        // The extension is what tells other programs what this is.
        Some((stem, extension)) if trimmed.len() > NAME_MAX && extension.len() < 16 => {
            let room = NAME_MAX - extension.len() - 1;
            format!("{}.{extension}", crate::event::bounded(stem, room))
        }
        _ => crate::event::bounded(trimmed, NAME_MAX).trim_end_matches(['.', ' ']).to_owned(),
    };
    if kept.is_empty() { fallback.to_owned() } else { kept }
}

/// The same, where it is not to be hidden either.
pub fn safe_name(name: &str, fallback: &str) -> String {
    let visible = visible_name(name, fallback);
    let safe = visible.trim_start_matches(['.', '-', ' ']);
    if safe.is_empty() { fallback.to_owned() } else { safe.to_owned() }
}

/// A visible name as one that no tool obeys. `kept`: somebody wants it as it is; what makes a folder our home never is.
pub fn unobeyed(name: &str, kept: bool) -> String {
    let lower = name.to_lowercase();
    let obeyed = if kept { lower == ".env" } else { is_obeyed(&lower) };
    if obeyed { format!("{RECEIVED}{name}") } else { name.to_owned() }
}

fn is_obeyed(lower: &str) -> bool {
    let of_a_kind = |known: &str| {
        let rest = lower.strip_prefix(known);
        rest.is_some_and(|rest| rest.is_empty() || (!known.contains('.') && rest.starts_with(['.', '-'])))
    };
    lower.starts_with('.')
        || OBEYED.iter().flat_map(|some| some.split(' ')).any(of_a_kind)
        || OBEYED_ENDINGS.split(' ').any(|ending| lower.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_strangers_are_made_safe() {
        for (given, wanted) in [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\x\\a.txt", "a.txt"),
            (".bashrc", "bashrc"),
            ("--help", "help"),
            ("a\u{200B}fdp.exe", "a_fdp.exe"),
            ("a\0b\n.txt", "a_b_.txt"),
            ("报告 1.docx", "报告 1.docx"),
            ("..", "key"),
            ("", "key"),
            ("a/", "key"),
        ] {
            assert_eq!(safe_name(given, "key"), wanted, "{given:?}");
        }
        let long = safe_name(&format!("{}.pdf", "x".repeat(400)), "key");
        assert!(long.len() <= NAME_MAX && long.ends_with(".pdf"));
    }

    #[test]
    fn what_a_tool_obeys_has_another_name_here() {
        let obeyed = "CLAUDE.md claude.MD AGENTS.md .bashrc .cursorrules .mcp.json Makefile GNUmakefile Makefile.am \
                      Dockerfile Dockerfile.dev docker-compose.yml docker-compose.override.yaml compose.yaml \
                      package.json pyproject.toml conftest.py build.rs Cargo.toml vite.config.ts sitecustomize.py \
                      x.pth x.desktop SKILL.md GEMINI.md .env .env.local ma\u{212A}efile";
        for obeyed in obeyed.split(' ') {
            assert_eq!(unobeyed(obeyed, false), format!("received-{obeyed}"));
        }
        let free = "report.pdf,claude.pdf,makefile notes.txt,my-CLAUDE.md,README.md,config.yaml,builder.txt,composer.pdf,\
                    photo.png,报告.docx";
        for free in free.split(',') {
            assert_eq!(unobeyed(free, false), free);
        }
        assert_eq!(unobeyed("CLAUDE.md", true), "CLAUDE.md");
        assert_eq!(unobeyed(".gitignore", true), ".gitignore");
        assert_eq!(unobeyed(".ENV", true), "received-.ENV", "it would make the folder a home of ours");
    }

    /// What is cleaned away may leave a name that is obeyed.
    #[test]
    fn nothing_that_is_cleaned_away_hides_a_name() {
        for name in [
            "CLAUDE.md\u{200E}",
            "CLA\u{200E}UDE.md",
            "x/CLAUDE.md",
            "CLAUDE.md ",
            "CLAUDE.md.",
            " CLAUDE.md",
        ] {
            let name = unobeyed(&visible_name(name, "key"), false);
            assert_ne!(name.to_lowercase(), "claude.md");
        }
        assert_eq!(unobeyed(&visible_name("a/CLAUDE.md..", "key"), false), "received-CLAUDE.md");
    }

    proptest! {
        #[test]
        fn any_name_is_one_visible_plain_name(name in any::<String>()) {
            for safe in [safe_name(&name, "key"), unobeyed(&visible_name(&name, "key"), false)] {
                prop_assert!(!safe.is_empty() && safe.len() <= NAME_MAX + RECEIVED.len());
                prop_assert!(!safe.contains(['/', '\\', '\0']) && !safe.chars().any(char::is_control));
                prop_assert!(!safe.starts_with(['.', '-']));
            }
            let kept = unobeyed(&visible_name(&name, "key"), true);
            prop_assert!(kept != "." && kept != ".." && !kept.starts_with('-') && !kept.contains(['/', '\0']));
        }
    }
}
