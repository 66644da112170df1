//! One message as several of ours were given it: whom its mentions name is known to each by its own id alone, and to
//! all of them together.
//!
//! Ids tell nothing here, since each app has its own. What is the same for everybody is the text, the key that stands
//! in it for a mention, the name that people see, and an id across apps where the platform gives one. Deliveries may
//! differ in order, and in what they leave out.

use std::sync::Arc;

/// A mention, by what is the same in everybody's delivery. Empty is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    pub key: Box<str>,
    pub name: Box<str>,
    /// An id that all apps of one developer share.
    pub union_id: Box<str>,
}

/// A message as the app `app_id` was given it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    pub app_id: Arc<str>,
    /// A fingerprint of the text in which the keys stand.
    pub text: u64,
    pub marks: Vec<Mark>,
    /// Which of the marks mean this app itself.
    pub own: Vec<usize>,
}

/// A mark that means one of ours, as its own app was given it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    app_id: Arc<str>,
    text: u64,
    mark: Mark,
    /// Nobody else was called so there.
    alone: bool,
}

impl Sight {
    /// What the others may know of it.
    pub fn claims(&self) -> impl Iterator<Item = Claim> + '_ {
        self.own.iter().filter_map(|own| {
            let mark = self.marks.get(*own)?.clone();
            let alone = self.marks.iter().filter(|other| other.name == mark.name).count() == 1;
            Some(Claim { app_id: Arc::clone(&self.app_id), text: self.text, mark, alone })
        })
    }
}

/// The app behind each of my marks, as far as the others' claims tell. What two apps claim is nobody's.
pub fn join<'a>(mine: &Sight, claims: impl IntoIterator<Item = &'a Claim>) -> Vec<(usize, Arc<str>)> {
    let mut told: Vec<Option<Result<Arc<str>, ()>>> = vec![None; mine.marks.len()];
    for claim in claims.into_iter().filter(|claim| claim.app_id != mine.app_id) {
        let Some(at) = place(mine, claim).filter(|at| !mine.own.contains(at)) else { continue };
        told[at] = match told[at].take() {
            Some(Ok(app_id)) if app_id != claim.app_id => Some(Err(())),
            Some(told) => Some(told),
            None => Some(Ok(Arc::clone(&claim.app_id))),
        };
    }
    let settled = told.into_iter().enumerate();
    settled.filter_map(|(at, told)| Some((at, told?.ok()?))).collect()
}

/// Where I was given what is claimed.
fn place(mine: &Sight, claim: &Claim) -> Option<usize> {
    let mark = &claim.mark;
    let only = |fits: &dyn Fn(&Mark) -> bool| {
        let mut places = mine.marks.iter().enumerate().filter(|(_, mark)| fits(mark));
        let first = places.next().map(|(place, _)| place);
        first.filter(|_| places.next().is_none())
    };
    let contradicts = |mine: &Mark| {
        !mine.union_id.is_empty() && !mark.union_id.is_empty() && mine.union_id != mark.union_id
    };
    if !mark.union_id.is_empty()
        && let Some(place) = only(&|mine| mine.union_id == mark.union_id)
    {
        return Some(place);
    }
    // In the same text a key stands for the same one, in whatever order the mentions come.
    if mine.text == claim.text && !mark.key.is_empty() {
        return only(&|mine| mine.key == mark.key && mine.name == mark.name && !contradicts(mine));
    }
    // Else a name tells, where there is one of it on both sides.
    let named = claim.alone && !mark.name.is_empty();
    named.then(|| only(&|mine| mine.name == mark.name && !contradicts(mine))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(text: &str) -> Mark {
        let mut parts = text.split(' ').map(Box::from);
        let mut next = || parts.next().unwrap_or_default();
        Mark { key: next(), name: next(), union_id: next() }
    }

    /// `own` is the index of the mark that is the app itself.
    fn sight(app_id: &str, text: u64, marks: &[&str], own: &[usize]) -> Sight {
        Sight {
            app_id: app_id.into(),
            text,
            marks: marks.iter().map(|text| mark(text)).collect(),
            own: own.to_vec(),
        }
    }

    fn told(mine: &Sight, others: &[Sight]) -> Vec<(usize, String)> {
        let claims: Vec<Claim> = others.iter().flat_map(Sight::claims).collect();
        join(mine, &claims).into_iter().map(|(at, app_id)| (at, app_id.to_string())).collect()
    }

    #[test]
    fn each_one_s_own_id_tells_the_others_who_is_meant() {
        let marks = ["1 Alpha", "2 Bravo", "3 Charlie"];
        let seen = |own: usize| sight(["a", "b", "c"][own], 7, &marks, &[own]);
        let others = [seen(1), seen(2)];
        assert_eq!(told(&seen(0), &others), [(1, "b".into()), (2, "c".into())]);
        assert_eq!(told(&seen(0), &others[1..]), [(2, "c".into())], "one has not heard it");
        let bystander = sight("d", 7, &marks, &[]);
        assert_eq!(told(&bystander, &[seen(0), seen(1), seen(2)]).len(), 3);
        assert_eq!(told(&bystander, std::slice::from_ref(&bystander)), []);
    }

    #[test]
    fn deliveries_may_differ_in_order_and_in_what_they_leave_out() {
        let mine = sight("a", 7, &["1 Alpha", "2 Helper", "3 Helper"], &[0]);
        // Two of one name: their keys tell them apart in the same text, and nothing does in another.
        let turned = |text, own| sight("b", text, &["3 Helper", "2 Helper", "1 Alpha"], &[own]);
        assert_eq!(told(&mine, &[turned(7, 0)]), [(2, "b".into())]);
        assert_eq!(told(&mine, &[turned(7, 1)]), [(1, "b".into())]);
        assert_eq!(told(&mine, &[turned(8, 0)]), []);
        // Only itself was named to it, and its text and keys are others.
        let mine = sight("a", 7, &["1 Alpha", "2 Bravo"], &[0]);
        assert_eq!(told(&mine, &[sight("b", 8, &["1 Bravo"], &[0])]), [(1, "b".into())]);
        assert_eq!(
            told(&sight("a", 7, &["1 Alpha"], &[0]), &[sight("b", 7, &["1 Alpha", "2 Bravo"], &[1])]),
            []
        );
        // The same key for another name is another one.
        assert_eq!(told(&mine, &[sight("b", 7, &["2 Echo"], &[0])]), []);
    }

    #[test]
    fn an_id_across_apps_decides_where_there_is_one() {
        let mine = sight("a", 7, &["1 Helper on_1", "2 Helper on_2"], &[]);
        let theirs = |union_id: &str| sight("b", 8, &[&format!("9 Helper {union_id}")], &[0]);
        assert_eq!(told(&mine, &[theirs("on_2")]), [(1, "b".into())]);
        assert_eq!(told(&mine, &[theirs("on_3")]), []);
        let same_key = sight("b", 7, &["1 Helper on_3"], &[0]);
        assert_eq!(told(&mine, &[same_key]), [], "another one stands there");
    }

    #[test]
    fn what_two_claim_is_nobody_s() {
        let mine = sight("a", 7, &["1 Alpha", "2 Bravo"], &[0]);
        let claim = |app_id: &str| sight(app_id, 7, &["1 Alpha", "2 Bravo"], &[1]);
        assert_eq!(told(&mine, &[claim("b"), claim("b")]), [(1, "b".into())]);
        assert_eq!(told(&mine, &[claim("b"), claim("c"), claim("b")]), []);
        let over = sight("b", 7, &["1 Alpha", "2 Bravo"], &[0, 9]);
        assert_eq!(told(&mine, &[over]), [], "what is mine stays mine");
    }
}
