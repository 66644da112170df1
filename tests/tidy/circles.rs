//! Modules beside each other import in one direction: a circle of them can only be understood, changed and tested as one.
//!
//! Found by reading: the `use`s, and the paths that are written out. A name that a folder's `mod.rs` only passes on counts
//! as its maker's. Code of tests is left out.

use std::collections::{BTreeMap, BTreeSet};

use super::{Source, sources};

/// Imports that close a circle and stay: the folder, who imports, what, and why.
const ACCEPTED: &[(&str, &str, &str, &str)] = &[
    ("transport", "feishu", "platforms", "its tests say which platform they are about"),
    ("", "transport", "elsewhere", "a platform for tests, which live in a whole house"),
    ("core/presence", "outbox", "session", "what is to be said is kept with the shift that it is said of"),
    ("core/turns/guard", "turn", "mod.rs", "a turn is found in the guard that counts it"),
    ("sandbox/feishu", "ready", "sandbox", "what a sandbox says of itself when it stands"),
    ("supervisor/relay", "actor", "mod.rs", "an actor, and the way to it"),
    ("supervisor/room", "actor", "mod.rs", "the same"),
    ("supervisor/room", "reading", "mod.rs", "it reads with what the actor works with"),
    ("supervisor/room", "seeing", "actor", "what a look does is done by the actor, in a file of its own"),
    ("supervisor/shift", "actor", "mod.rs", "an actor, and the way to it"),
    ("supervisor/shift", "seeing", "mod.rs", "it sees with what the actor works with"),
    ("supervisor/shift", "seeing", "actor", "what a look does is done by the actor, in a file of its own"),
    ("cli", "demo_rooms", "demo", "the demo of rooms is a part of the demo, in a file of its own"),
    ("cli/jq", "worker", "child", "both halves of one exchange between two processes"),
    ("cli/service", "warnings", "manager", "a manager's unit, and what is to be said about it"),
    ("config", "home", "aliases", "aliases are other names for the keys and variables of all of these"),
    ("config", "profile", "aliases", "the same"),
    ("config", "secret_command", "secret", "a command is one of the sources of a secret"),
    ("transport/feishu", "account", "connection", "an account runs its connections, which are lives of it"),
    ("transport/feishu", "serve", "connection", "it speaks with the connection's voice"),
    ("transport/feishu", "envelope", "rest", "an answer is what a call gives, taken apart in two steps"),
    ("transport/feishu", "rich", "content", "rich content holds content, which may be rich"),
    ("transport/feishu", "system", "content", "a system message is one kind of content"),
    ("transport/feishu", "strangers", "normalize", "who is called is learnt while a message is normalised"),
];

/// Folders whose own file, too, imports and is imported in one direction: it only says what there is.
const STRICT: &[&str] = &["core", "event", "journal", "supervisor"];

/// Where an import stands, for whoever has to mend it.
type Graph = BTreeMap<(String, String, String), String>;

type Path = Vec<String>;

/// One file as a module.
struct Module {
    file: String,
    path: Path,
    code: String,
    is_folder: bool,
}

#[test]
fn modules_beside_each_other_import_in_one_direction() {
    let mut graph = imports(&modules(sources()));
    for (folder, from, to, _why) in ACCEPTED {
        let accepted = graph.remove(&((*folder).to_owned(), (*from).to_owned(), (*to).to_owned()));
        assert!(accepted.is_some(), "{folder}: {from} no longer imports {to}; take it off the list");
    }
    graph.retain(|(folder, from, to), _| {
        let strict = STRICT.iter().any(|strict| folder.split('/').next() == Some(strict));
        strict || (from != FOLDER && to != FOLDER)
    });
    let closing = circles(&graph);
    assert!(closing.is_empty(), "circles:\n{}", closing.join("\n"));
}

/// A name for the file that holds a folder itself.
const FOLDER: &str = "mod.rs";

#[test]
fn a_circle_is_found_however_it_is_written() {
    let circle = |files: &[(&str, &str)]| {
        let source =
            |(path, code): &(&str, &str)| Source { path: format!("src/{path}"), code: (*code).to_owned() };
        circles(&imports(&modules(files.iter().map(source).collect())))
    };
    let lib = ("lib.rs", "mod a;\nmod b;");
    for (one, other) in [
        ("use super::b::B;", "use crate::a::A;"),
        ("use crate::b::{B, C};", "use crate::{a::A};"),
        ("fn f() -> super::b::B {}", "use super::{\n    a::{A, Z},\n};"),
        ("use super::b;", "fn g() { crate::a::f() }"),
    ] {
        assert_eq!(circle(&[lib, ("a.rs", one), ("b.rs", other)]).len(), 2, "{one} {other}");
        assert_eq!(circle(&[lib, ("a.rs", one), ("b.rs", "")]), Vec::<String>::new());
    }
    let of_tests = "#[cfg(test)]\nmod tests {\n    use super::super::a::A;\n}";
    assert_eq!(circle(&[lib, ("a.rs", "use super::b::B;"), ("b.rs", of_tests)]), Vec::<String>::new());
    // Through what the folder passes on, which is no import of its own; and through what it makes itself, which is one.
    let passes = ("x/mod.rs", "mod a;\nmod b;\npub use a::A;\npub use b::{self, B as C};");
    let lib = ("lib.rs", "mod x;");
    let through = [lib, passes, ("x/a.rs", "use super::C;"), ("x/b.rs", "use super::A;")];
    assert_eq!(circle(&through).len(), 2);
    let makes = ("x/mod.rs", "mod a;\nuse a::A;\npub struct Own(A);");
    assert_eq!(circle(&[lib, makes, ("x/a.rs", "use super::Own;")]).len(), 2);
    // Deeper down, it is the folders that are beside each other.
    let deep = [
        ("lib.rs", "mod x;\nmod y;"),
        ("x/mod.rs", "mod a;"),
        ("x/a.rs", "use crate::y::b::B;"),
        ("y/mod.rs", "pub mod b;\npub mod c;"),
        ("y/b.rs", ""),
        ("y/c.rs", "use super::super::x::a::A;"),
    ];
    assert_eq!(circle(&deep).len(), 2);
}

fn modules(sources: Vec<Source>) -> Vec<Module> {
    let module = |source: Source| {
        let inside = source.path.strip_prefix("src/")?.strip_suffix(".rs")?;
        let mut path: Path = inside.split('/').map(str::to_owned).collect();
        let is_folder = matches!(path.last().map(String::as_str), Some("mod" | "lib"));
        if is_folder {
            path.pop();
        }
        let code = source.code.split("#[cfg(test)]\nmod tests {").next()?.to_owned();
        Some(Module { file: source.path, path, code, is_folder })
    };
    sources.into_iter().filter_map(module).collect()
}

/// Who imports what, folder by folder.
fn imports(modules: &[Module]) -> Graph {
    let known: BTreeSet<&Path> = modules.iter().map(|module| &module.path).collect();
    let passed_on: BTreeMap<Path, Path> =
        modules.iter().flat_map(|module| passed_on(module, &known)).collect();
    let mut graph = Graph::new();
    for module in modules {
        for named in named(module, &known) {
            let target = target(&named, &known, &passed_on);
            let shared = target.iter().zip(&module.path).take_while(|(one, other)| one == other).count();
            let part = |path: &Path| path.get(shared).map_or(FOLDER, String::as_str).to_owned();
            let (from, to) = (part(&module.path), part(&target));
            if from != to {
                let folder = target[..shared].join("/");
                let place = format!("{} names {}", module.file, named.join("::"));
                graph.entry((folder, from, to)).or_insert(place);
            }
        }
    }
    graph
}

/// The module that makes what is named.
fn target(named: &Path, known: &BTreeSet<&Path>, passed_on: &BTreeMap<Path, Path>) -> Path {
    let mut named = named.clone();
    // A folder may pass on what another one passes on.
    for _ in 0..8 {
        let Some(length) = (1..=named.len()).find(|length| passed_on.contains_key(&named[..*length])) else {
            break;
        };
        let maker = passed_on[&named[..length]].clone();
        named.splice(..length, maker);
    }
    while !known.contains(&named) {
        named.pop();
    }
    named
}

/// What a folder passes on, by the name under which it does.
fn passed_on(module: &Module, known: &BTreeSet<&Path>) -> Vec<(Path, Path)> {
    let mut found = Vec::new();
    for (public, tree) in uses(&module.code) {
        for (path, name) in if public { leaves(&tree) } else { Vec::new() } {
            let Some(path) = absolute(module, &path, known) else { continue };
            let name = name.unwrap_or_else(|| path.last().cloned().unwrap_or_default());
            let under: Path = module.path.iter().cloned().chain([name]).collect();
            if under != path {
                found.push((under, path));
            }
        }
    }
    found
}

/// Every path of ours that a module names, from the crate on.
fn named(module: &Module, known: &BTreeSet<&Path>) -> Vec<Path> {
    let mut code = module.code.clone();
    let mut found = Vec::new();
    for (public, tree) in uses(&module.code) {
        code = code.replace(&format!("use {tree};"), "");
        if !(public && module.is_folder) {
            found.extend(leaves(&tree).into_iter().filter_map(|(path, _)| absolute(module, &path, known)));
        }
    }
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':');
    for path in code.split(|c| !part(c)).filter(|path| path.contains("::")) {
        let path: Path = path.split("::").map(str::to_owned).collect();
        found.extend(absolute(module, &path, known));
    }
    found
}

/// The trees of all `use`s, and whether they are for others.
fn uses(code: &str) -> Vec<(bool, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("use ") {
        let before = &code[code[..at].rfind('\n').map_or(0, |line| line + 1)..at];
        let public = before.trim_start().starts_with("pub");
        if (public || before.trim().is_empty())
            && let Some(end) = code[at..].find(';')
        {
            found.push((public, code[at + 4..at + end].to_owned()));
        }
    }
    found
}

/// The paths of a tree `a::{b, c::{self, d as e}}`, and the names given to them.
fn leaves(tree: &str) -> Vec<(Path, Option<String>)> {
    let tree = tree.trim();
    let Some((before, inside)) = tree.split_once('{') else {
        let (path, name) = tree.split_once(" as ").map_or((tree, None), |(path, name)| (path, Some(name)));
        let mut path: Path = path.split("::").map(|part| part.trim().to_owned()).collect();
        path.retain(|part| !part.is_empty());
        if path.last().is_some_and(|last| last == "self" || last == "*") && path.len() > 1 {
            path.pop();
        }
        return vec![(path, name.map(|name| name.trim().to_owned()))];
    };
    let inside = inside.rsplit_once('}').map_or(inside, |(inside, _)| inside);
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for c in inside.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(c);
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| leaves(&format!("{before}{}", part.trim()))).collect()
}

/// A path from the crate on; nothing where it is none of ours.
fn absolute(module: &Module, path: &Path, known: &BTreeSet<&Path>) -> Option<Path> {
    let (first, rest) = path.split_first()?;
    match first.as_str() {
        "crate" => Some(rest.to_vec()),
        "self" => Some([module.path.clone(), rest.to_vec()].concat()),
        "super" => {
            let ups = path.iter().take_while(|part| *part == "super").count();
            let base = module.path.len().checked_sub(ups)?;
            Some([module.path[..base].to_vec(), path[ups..].to_vec()].concat())
        }
        // A folder names its parts without more.
        part => {
            let child: Path = module.path.iter().cloned().chain([part.to_owned()]).collect();
            (module.is_folder && known.contains(&child)).then(|| [module.path.clone(), path.clone()].concat())
        }
    }
}

/// The imports that are part of a circle.
fn circles(graph: &Graph) -> Vec<String> {
    let reaches = |folder: &str, from: &str, to: &str| {
        let (mut seen, mut left) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(at) = left.pop() {
            if at == to {
                return true;
            }
            if seen.insert(at.clone()) {
                let next = graph.keys().filter(|(of, from, _)| of == folder && *from == at);
                left.extend(next.map(|(_, _, to)| to.clone()));
            }
        }
        false
    };
    let closing = graph.iter().filter(|((folder, from, to), _)| reaches(folder, to, from));
    closing.map(|((folder, from, to), place)| format!("{folder}: {from} imports {to} ({place})")).collect()
}
