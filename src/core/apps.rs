//! One profile per app: who has which once people changed several files at once.

use std::collections::BTreeMap;
use std::sync::Arc;

/// What a profile has, and what its file says now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// The app of the connection that stands.
    pub has: Option<String>,
    /// Absent: its file cannot be used, and what stands is left alone.
    pub wants: Option<String>,
}

/// The profiles that cannot have the app they want, each with the one that has it. Whoever gives up an app in the same
/// change keeps it from nobody; whoever keeps one comes before whoever is new, and else the first by name.
pub fn refused(claims: &BTreeMap<Arc<str>, Claim>) -> BTreeMap<Arc<str>, Arc<str>> {
    let mut refused: BTreeMap<Arc<str>, Arc<str>> = BTreeMap::new();
    loop {
        let claimants = claims.iter().filter(|(name, _)| !refused.contains_key(*name));
        let found = claimants.clone().find_map(|(name, claim)| {
            let app = claim.wants.as_ref()?;
            let keeps = |other: &Claim, is_refused: bool| {
                other.has.as_ref() == Some(app)
                    && (is_refused || other.wants.is_none() || other.wants.as_ref() == Some(app))
            };
            let keeper = claims
                .iter()
                .find(|(other, claim)| *other != name && keeps(claim, refused.contains_key(*other)));
            let first = || claimants.clone().find(|(_, other)| other.wants.as_ref() == Some(app));
            let other = match keeper {
                _ if claim.has.as_ref() == Some(app) => None,
                Some(keeper) => Some(keeper),
                None => first().filter(|(other, _)| *other != name),
            };
            other.map(|(other, _)| (Arc::clone(name), Arc::clone(other)))
        });
        // Who is refused keeps what it has, which may be what another wants.
        let Some((name, other)) = found else { return refused };
        refused.insert(name, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name has wants`, `-` for none; and who is refused for whom.
    fn check(claims: &[&str], expected: &[(&str, &str)]) {
        let app = |app: &str| (app != "-").then(|| app.to_owned());
        let claims: BTreeMap<Arc<str>, Claim> = claims
            .iter()
            .map(|claim| {
                let [name, has, wants] = claim.split(' ').collect::<Vec<_>>()[..] else { panic!("{claim}") };
                (Arc::from(name), Claim { has: app(has), wants: app(wants) })
            })
            .collect();
        let refused = refused(&claims);
        let refused: Vec<(&str, &str)> =
            refused.iter().map(|(name, other)| (name.as_ref(), other.as_ref())).collect();
        assert_eq!(refused, expected, "{claims:?}");
    }

    #[test]
    fn whoever_gives_up_an_app_keeps_it_from_nobody() {
        check(&["a 1 2", "b 2 1"], &[]);
        check(&["a 1 2", "b 2 3", "c 3 1"], &[]);
        check(&["a - 1", "b 1 2"], &[]);
    }

    #[test]
    fn whoever_keeps_an_app_comes_first_and_then_the_first_by_name() {
        check(&["a - 1", "b 1 1"], &[("a", "b")]);
        check(&["a - 1", "b 1 -"], &[("a", "b")]);
        check(&["a - 1", "b - 1", "c - 1"], &[("b", "a"), ("c", "a")]);
        check(&["a 3 1", "b 2 1", "c - 2"], &[("b", "a"), ("c", "b")]);
        // Who is refused keeps what it has.
        check(&["a - 2", "b 2 1", "c 1 1"], &[("a", "b"), ("b", "c")]);
        check(&["a 3 2", "b 2 1", "c 1 1", "d - 3"], &[("a", "b"), ("b", "c"), ("d", "a")]);
    }
}
