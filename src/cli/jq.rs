//! `--jq`: jq on a verb's value. Checked before the verb does anything.

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, compile, data, unwrap_valr};
use jaq_json::{Val, read};

use super::context::shown;
use crate::error::{Error, Result};

type Filter = compile::Filter<jaq_core::Native<data::JustLut<Val>>>;

/// Results of one expression: `repeat(1)` has no end of its own.
const RESULTS_MAX: usize = 1_000_000;

pub struct Jq(Filter);

impl Jq {
    pub fn new(code: &str) -> Result<Jq> {
        let refused = |what: String| {
            Error::validation(format!("--jq is not a jq expression: {what}"))
                .subtype("jq")
                .hint("for example: --jq '.items[].chat_id'")
        };
        let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
        let arena = Arena::default();
        let modules = Loader::new(definitions)
            .load(&arena, File { code, path: () })
            .map_err(|errors| refused(parse_errors(&errors)))?;
        let filter = Compiler::default()
            .with_funs(functions)
            .compile(modules)
            .map_err(|errors| refused(compile_errors(&errors)))?;
        Ok(Jq(filter))
    }

    /// Each result on a line; texts stand bare, so that a shell can use them.
    pub fn run(&self, json: &str) -> Result<String> {
        let failed = |what: String| {
            Error::validation(format!("--jq failed on the result: {what}"))
                .subtype("jq")
                .hint("the verb itself succeeded")
        };
        let mut lines = Vec::new();
        for value in self.values(json).map_err(failed)?.take(RESULTS_MAX) {
            lines.push(match value.map_err(failed)? {
                Val::TStr(text) => String::from_utf8_lossy(&text).into_owned(),
                other => other.to_string(),
            });
        }
        Ok(lines.join("\n"))
    }

    /// Each result as JSON, texts in quotes, as it is asked for.
    pub fn results(&self, json: &str) -> Result<impl Iterator<Item = Result<String, String>>, String> {
        Ok(self.values(json)?.map(|value| value.map(|value| value.to_string())))
    }

    fn values(&self, json: &str) -> Result<impl Iterator<Item = Result<Val, String>>, String> {
        let input = read::parse_single(json.as_bytes()).map_err(|error| error.to_string())?;
        let context = Ctx::<data::JustLut<Val>>::new(&self.0.lut, Vars::new([]));
        let results = self.0.id.run((context, input)).map(unwrap_valr);
        Ok(results.map(|value| value.map_err(|error| error.to_string())))
    }
}

fn parse_errors<P>(errors: &jaq_core::load::Errors<&str, P>) -> String {
    use jaq_core::load::Error;
    let expected = |what: &str, found: &str| match found {
        "" => format!("it ends where {what} is expected"),
        found => format!("{what} is expected near `{}`", shown(crate::event::bounded(found, 40))),
    };
    let first = errors.first().and_then(|(_, error)| match error {
        Error::Io(errors) => errors.first().map(|(path, _)| format!("near `{}`", shown(path))),
        Error::Lex(errors) => errors.first().map(|(what, found)| expected(what.as_str(), found)),
        Error::Parse(errors) => errors.first().map(|(what, found)| expected(what.as_str(), found)),
    });
    first.unwrap_or_else(|| "it cannot be read".to_owned())
}

fn compile_errors<P>(errors: &compile::Errors<&str, P>) -> String {
    let first = errors.first().and_then(|(_, errors)| errors.first());
    first.map_or_else(
        || "it cannot be compiled".to_owned(),
        |(name, _)| format!("`{}` is not defined", shown(name)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(code: &str) -> String {
        Jq::new(code).unwrap().run(r#"{"items":[{"id":"a","n":1},{"id":"b","n":2}]}"#).unwrap()
    }

    #[test]
    fn expressions_work_and_texts_stand_bare() {
        assert_eq!(run(".items[].id"), "a\nb");
        assert_eq!(run("[.items[] | select(.n > 1) | {id}]"), r#"[{"id":"b"}]"#);
        assert_eq!(run(".items | length"), "2");
        assert_eq!(run("empty"), "");
    }

    #[test]
    fn what_is_wrong_is_said_before_anything_runs() {
        for (code, said) in [
            (".items[", "it ends where closing bracket is expected"),
            (".items |", "it ends where term is expected"),
            ("", "it ends where term is expected"),
            ("if . then", "it ends where term is expected"),
            (".a .b c", "near `c`"),
            ("nonsense(1)", "`nonsense` is not defined"),
            ("'", "near `'`"),
        ] {
            let error = Jq::new(code).err().unwrap();
            assert!(error.message.contains(said), "{code}: {error}");
            assert_eq!(error.kind.exit_code(), 2);
        }
        let error = Jq::new(".items.x").unwrap().run("{\"items\":[]}").unwrap_err();
        assert!(error.hint.unwrap().contains("succeeded"));
    }
}
