//! jq itself. Whoever calls this may be stopped by what the expression does: it runs in a process of its own.

use jaq_core::load::parse::Def;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::native::Fun;
use jaq_core::{Compiler, Ctx, Vars, compile, data, unwrap_valr};
use jaq_json::{Val, read};

use super::super::context::shown;
use super::texts;

type Filter = compile::Filter<jaq_core::Native<data::JustLut<Val>>>;

pub struct Expression(Filter);

impl Expression {
    pub fn new(code: &str) -> Result<Expression, String> {
        let standard = jaq_std::defs().filter(|def| !texts::is_defined_here(def));
        Expression::with(code, standard, texts::funs())
    }

    fn with(
        code: &str,
        standard: impl Iterator<Item = Def<&'static str>>,
        ours: impl Iterator<Item = Fun<data::JustLut<Val>>>,
    ) -> Result<Expression, String> {
        let definitions = jaq_core::defs().chain(standard).chain(jaq_json::defs());
        let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs()).chain(ours);
        let arena = Arena::default();
        let modules = Loader::new(definitions)
            .load(&arena, File { code, path: () })
            .map_err(|errors| parse_errors(&errors))?;
        let filter = Compiler::default().with_funs(functions).compile(modules);
        filter.map(Expression).map_err(|errors| compile_errors(&errors))
    }

    /// Each result: as JSON, or `bare`, where texts stand without quotes, so that a shell can use them.
    pub fn run(
        &self,
        json: &[u8],
        bare: bool,
    ) -> Result<impl Iterator<Item = Result<Vec<u8>, String>>, String> {
        let input = read::parse_single(json).map_err(|error| error.to_string())?;
        let context = Ctx::<data::JustLut<Val>>::new(&self.0.lut, Vars::new([]));
        let results = self.0.id.run((context, input)).map(unwrap_valr);
        Ok(results.map(move |value| match value.map_err(|error| error.to_string())? {
            Val::TStr(text) if bare => Ok(String::from_utf8_lossy(&text).into_owned().into_bytes()),
            other => Ok(other.to_string().into_bytes()),
        }))
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

    fn run(code: &str) -> Vec<String> {
        let expression = Expression::new(code).unwrap();
        let results = expression.run(br#"{"items":[{"id":"a","n":1},{"id":"b","n":2}]}"#, true).unwrap();
        results.map(|result| String::from_utf8(result.unwrap()).unwrap()).collect()
    }

    #[test]
    fn expressions_work_and_texts_stand_bare() {
        assert_eq!(run(".items[].id"), ["a", "b"]);
        assert_eq!(run("[.items[] | select(.n > 1) | {id}]"), [r#"[{"id":"b"}]"#]);
        assert_eq!(run(".items | length"), ["2"]);
        assert_eq!(run("empty"), [""; 0]);
    }

    /// jaq's own filters are slow on long texts, and right.
    #[test]
    fn patterns_find_in_a_text_what_jaq_s_own_find() {
        let results = |expression: Expression, text: &str| -> Vec<String> {
            let value = Val::from(text.to_owned()).to_string();
            let results = expression.run(value.as_bytes(), false).unwrap().take(100);
            results
                .map(|result| {
                    result.map_or_else(|_| "failed".to_owned(), |it| String::from_utf8(it).unwrap())
                })
                .collect()
        };
        for code in [
            r#"test("b")"#,
            r#"test("B"; "i")"#,
            r#"test("";"n")"#,
            r#"test("a","b"; "", "g")"#,
            r#"test(1)"#,
            r#"test("a"; "q")"#,
            r#"test("(")"#,
            r#"match("a")"#,
            r#"match("a";"g")"#,
            r#"match("";"g")"#,
            r#"match(".";"gs")"#,
            r#"match("(?<x>a)|(b)";"g")"#,
            r#"[match("^.*$";"gm")]"#,
            r#"match("日本";"g").offset"#,
            r#"capture("(?<x>\\w)(?<y>b)?";"g")"#,
            r#"capture("(x)";"g")"#,
            r#"scan("a")"#,
            r#"scan("(a)(b)")"#,
            r#"scan("(a)|(b)")"#,
            r#"scan("A";"i")"#,
            r#"scan("")"#,
            r#"sub("a";"X")"#,
            r#"gsub("a";"X")"#,
            r#"gsub("";"-")"#,
            r#"gsub("^";"> ";"m")"#,
            r#"gsub("\\s+";" ")"#,
            r#"gsub("(?<x>a)";.x+.x)"#,
            r#"gsub("a";"1","2")"#,
            r#"[limit(2;gsub("a|b";"1","2","3"))]"#,
            r#"gsub("a";empty)"#,
            r#"gsub("a";1)"#,
            r#"gsub("a";null)"#,
            r#"gsub("a";error("x"))"#,
            r#"gsub("(?<x>z)?";"<\(.x)>")"#,
            r#"gsub("é";"e")"#,
            r#"gsub("[^a-z]";"")"#,
            r#"[splits("a")]"#,
            r#"split("a";"g")"#,
            r#"ascii_downcase|test("a")"#,
            r#"first(match("a";"g")).offset"#,
            r#"[.,1]|map(try test("a") catch "no")"#,
            r#"def test(x): 1; test("a")"#,
            r#"sub("(?<x>a)";"a"; "g")"#,
            r#"gsub("a";"b")|gsub("b";"\\0$1")"#,
        ] {
            for text in
                ["", "a", "abba", "a b\n a\u{3000}b", "日本a語日本", "é", "e\u{301}a", "😀a😀", "ABab\nab"]
            {
                let own = Expression::with(code, jaq_std::defs(), std::iter::empty()).unwrap();
                let ours = Expression::new(code).unwrap();
                assert_eq!(results(ours, text), results(own, text), "{code} on {text:?}");
            }
        }
    }

    /// There jaq's own panic, or make one text of all.
    #[test]
    fn groups_in_any_order_and_several_patterns_are_found_as_in_jq() {
        assert_eq!(run(r#""ab" | sub("a", "b"; "X")"#), ["Xb", "aX"]);
        let code = r#".items[0].id + "bé😀a" | match("(?:(a)|(é|b))*.(a)") | [.offset, .captures[].offset]"#;
        assert_eq!(run(code), ["[0,0,2,4]"]);
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
            let error = Expression::new(code).err().unwrap();
            assert!(error.contains(said), "{code}: {error}");
        }
        let failing = Expression::new(".items.x").unwrap();
        assert!(failing.run(br#"{"items":[]}"#, true).unwrap().next().unwrap().is_err());
    }
}
