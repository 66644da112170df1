//! Which chat a verb means when several places may say so.

/// Where the chat comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice<'a> {
    /// An id, an alias or a name, and who said it.
    Named { text: &'a str, by: &'static str },
    /// Nobody said anything: the only chat the bot is in, if there is exactly one.
    Only,
}

/// The flag, the profile's default, the environment's default and the variable that says it, in this order.
pub fn choose<'a>(
    flag: Option<&'a str>,
    profile: Option<&'a str>,
    environment: Option<(&'a str, &'static str)>,
) -> Choice<'a> {
    // An empty flag is a script's unset variable, not a wish for the default.
    if let Some(text) = flag {
        return Choice::Named { text, by: "--chat" };
    }
    let profile = profile.filter(|text| !text.is_empty()).map(|text| (text, "the profile's default_chat"));
    let named = profile.or(environment);
    named.map_or(Choice::Only, |(text, by)| Choice::Named { text, by })
}

/// What a name is among candidates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    One(usize),
    /// Their positions.
    Several(Vec<usize>),
    None,
}

/// Finds a name: letter for letter first, and without regard to case only where that is unambiguous.
pub fn find<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Found {
    let names: Vec<&str> = names.collect();
    let matching = |fits: &dyn Fn(&str) -> bool| -> Vec<usize> {
        names.iter().enumerate().filter(|(_, name)| fits(name)).map(|(index, _)| index).collect()
    };
    let exact = matching(&|name| name == wanted);
    let wanted = wanted.to_lowercase();
    let found = if exact.is_empty() { matching(&|name| name.to_lowercase() == wanted) } else { exact };
    match found.as_slice() {
        [] => Found::None,
        [one] => Found::One(*one),
        _ => Found::Several(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_counts() {
        let by = |choice: Choice<'_>| match choice {
            Choice::Named { text, .. } => text.to_owned(),
            Choice::Only => "only".to_owned(),
        };
        let variable = Some(("c", "VARIABLE"));
        assert_eq!(by(choose(Some("a"), Some("b"), variable)), "a");
        assert_eq!(by(choose(None, Some("b"), variable)), "b");
        assert_eq!(by(choose(None, Some(""), variable)), "c");
        // A script's unset variable must not speak in the default chat.
        assert_eq!(by(choose(Some(""), Some("b"), variable)), "");
        assert_eq!(by(choose(None, None, None)), "only");
    }

    #[test]
    fn case_is_forgiven_only_where_nobody_else_is_meant() {
        let names = ["Li", "li", "Ann", "ANN"];
        let found = |wanted: &str| find(wanted, names.into_iter());
        assert_eq!(found("li"), Found::One(1));
        assert_eq!(found("ann"), Found::Several(vec![2, 3]));
        assert_eq!(find("ANN", ["Ann"].into_iter()), Found::One(0));
        assert_eq!(found("bob"), Found::None);
        assert_eq!(find("x", ["x", "x"].into_iter()), Found::Several(vec![0, 1]));
    }
}
