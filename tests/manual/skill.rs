//! The skill is one that harnesses load (https://agentskills.io/specification).

use super::{SKILL, documents, manual, root, text};

/// Of the file that is read whole when the skill is used.
const SKILL_LINES_MAX: usize = 500;

fn frontmatter(skill: &str) -> Vec<(String, String)> {
    let inner = skill.strip_prefix("---\n").unwrap().split("\n---\n").next().unwrap();
    let pair = |line: &str| line.split_once(": ").map(|(key, value)| (key.to_owned(), value.to_owned()));
    inner.lines().map(|line| pair(line).unwrap_or_else(|| panic!("no key: {line}"))).collect()
}

#[test]
fn its_head_is_within_the_limits() {
    let head = frontmatter(&text(SKILL));
    let keys: Vec<&str> = head.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["name", "description"]);
    let (name, description) = (&head[0].1, &head[1].1);
    assert_eq!(name, "rooma", "the name of its folder");
    assert!((1..=1024).contains(&description.chars().count()), "{}", description.chars().count());
    assert!(!description.contains(['<', '>']), "no tags");
    // A plain YAML scalar ends at `: ` and at ` #`.
    assert!(!description.contains(": ") && !description.contains(" #"));
}

#[test]
fn it_is_short_and_refers_to_the_rest() {
    let skill = text(SKILL);
    assert!(skill.lines().count() < SKILL_LINES_MAX);
    for path in manual().iter().skip(1) {
        let name = path.rsplit_once("/references/").unwrap().1;
        assert!(skill.contains(&format!("(references/{name})")), "{name} is not referred to");
    }
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for document in documents() {
        let folder = root().join(&document).parent().unwrap().to_owned();
        let document_text = text(&document);
        let targets = document_text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.starts_with("http")) {
            if !folder.join(target.split('#').next().unwrap()).exists() {
                broken.push(format!("{document}: {target}"));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}
