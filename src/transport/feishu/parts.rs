//! What is to be said, in parts that are one message each.

use super::address::{Place, places, tag, unnamed};
use super::compose::{closed, smaller, spoken};
use super::split::{Fixed, cost_of, split as cuts};
use crate::core::markup::{Fence, fences};
use crate::error::{Error, Result};
use crate::transport::outgoing::{Addressee, Body, Outgoing};

/// The platform takes requests of 150 KB for a text and 30 KB for a post. The rest is room for the frame
/// around it.
const TEXT_BUDGET: usize = 140 * 1024;
const POST_BUDGET: usize = 26 * 1024;

/// Messages one text may become: more is no message but a document.
const PIECES_MAX: usize = 20;

/// A long text becomes several, and a file is a message of its own.
pub fn split(what: &Outgoing) -> Result<Vec<Outgoing>> {
    let mut parts = match &what.body {
        Body::Text(text) => texts(&Long { text, mentions: &what.mentions, marked: false }, TEXT_BUDGET)?,
        Body::Markdown(text) => texts(&Long { text, mentions: &what.mentions, marked: true }, POST_BUDGET)?,
        Body::Native(_) => vec![Outgoing::of(what.body.clone())],
        Body::Empty => Vec::new(),
    };
    parts.extend(what.files.iter().cloned().map(Outgoing::file));
    if parts.is_empty() {
        return Err(Error::validation("there is nothing to say"));
    }
    Ok(parts)
}

/// A text that may be too long for one message.
struct Long<'a> {
    text: &'a str,
    mentions: &'a [Addressee],
    marked: bool,
}

fn texts(long: &Long<'_>, budget: usize) -> Result<Vec<Outgoing>> {
    let parts = long.parts(budget)?;
    match parts.len() {
        0 => Err(Error::validation("there is nothing to say: the text is empty")),
        1..=PIECES_MAX => Ok(parts),
        count => Err(Error::validation(format!("the text would take {count} messages"))
            .hint("send it as a file: rooma file --path …")),
    }
}

impl Long<'_> {
    fn parts(&self, budget: usize) -> Result<Vec<Outgoing>> {
        if cost_of(&spoken(self.text, self.mentions, self.marked)?) <= budget {
            return Ok(vec![self.part(self.text.to_owned(), self.mentions.to_vec())]);
        }
        let places = places(self.text, self.mentions, self.marked);
        let mut fronts = fronts(unnamed(self.mentions, &places), budget / 2);
        let front = fronts.pop().unwrap_or_default();
        let mut parts: Vec<Outgoing> =
            fronts.into_iter().map(|front| self.part(String::new(), front)).collect();
        let cuts = cuts(self.text, &self.fixed(&places), cost_of(&tags(&front)), budget);
        let pieces = cuts.iter().map(|piece| self.text[piece.clone()].to_owned()).collect();
        let pieces = if self.marked { fenced(pieces) } else { pieces };
        for (index, (piece, range)) in pieces.into_iter().zip(cuts).enumerate() {
            let mut here = places.iter().filter(|place| range.contains(&place.range.start));
            let named: Vec<&Addressee> = here.by_ref().filter_map(|place| place.whom).collect();
            let called = |who: &&Addressee| {
                index == 0 && front.contains(who) || named.iter().any(|named| named.id == who.id)
            };
            let mentions = self.mentions.iter().filter(called).cloned().collect();
            parts.push(self.part(piece, mentions));
        }
        Ok(parts)
    }

    fn part(&self, text: String, mentions: Vec<Addressee>) -> Outgoing {
        let part = if self.marked { Outgoing::markdown(text) } else { Outgoing::text(text) };
        part.calling(mentions)
    }

    /// What is sent in another form than it is written, in order.
    fn fixed(&self, places: &[Place<'_>]) -> Vec<Fixed> {
        let cost = |place: &Place<'_>| Fixed { range: place.range.clone(), cost: cost_of(&place.shown()) };
        let mut fixed: Vec<Fixed> = places.iter().map(cost).collect();
        if self.marked {
            let mut at = 0;
            for (line, _, code) in fences(self.text) {
                let heading = smaller(line, code);
                fixed
                    .extend(heading.map(|(level, marks)| Fixed { range: at..at + level, cost: marks.len() }));
                at += line.len() + 1;
            }
            fixed.sort_by_key(|fixed| fixed.range.start);
        }
        fixed
    }
}

/// Those who are called in front, in groups that cost no more than the budget. The last stands before the text.
fn fronts<'a>(unnamed: impl Iterator<Item = &'a Addressee>, budget: usize) -> Vec<Vec<Addressee>> {
    let mut groups: Vec<Vec<Addressee>> = vec![Vec::new()];
    let mut spent = 0;
    for who in unnamed {
        let cost = cost_of(&tag(who)) + 1;
        spent += cost;
        match groups.last_mut() {
            Some(group) if spent <= budget || group.is_empty() => group.push(who.clone()),
            _ => {
                groups.push(vec![who.clone()]);
                spent = cost;
            }
        }
    }
    groups
}

/// As they stand in front of a text.
fn tags(front: &[Addressee]) -> String {
    front.iter().map(|who| format!("{} ", tag(who))).collect()
}

/// Code that was cut in two is code in both pieces.
fn fenced(pieces: Vec<String>) -> Vec<String> {
    let mut open: Option<Fence> = None;
    let mut whole = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let piece = match &open {
            Some(fence) => format!("{}\n{piece}", fence.opening),
            None => piece,
        };
        open = fences(&piece).last().and_then(|(_, fence, _)| fence);
        whole.push(closed(piece));
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ids::UserId;
    use crate::transport::feishu::compose::compose;
    use crate::transport::verbs::{UploadKind, Uploaded};
    use proptest::prelude::*;

    fn someone(name: &str) -> Addressee {
        Addressee { id: UserId::new(format!("ou_{name}")), name: name.to_owned(), called: name.to_owned() }
    }

    #[test]
    fn a_long_text_is_several_messages_within_the_limit() {
        let text = "word ".repeat(60_000);
        let all = split(&Outgoing::text(text.clone())).unwrap();
        assert_eq!(all.len(), 3);
        let posts = split(&Outgoing::markdown(&text[..100_000])).unwrap();
        for (messages, limit) in [(all, 150_000), (posts, 30_000)] {
            for message in messages {
                let content = compose(&message).unwrap().content;
                assert!(serde_json::to_string(&content).unwrap().len() < limit);
            }
        }
        let huge = Outgoing::text("x".repeat(4_000_000));
        assert!(split(&huge).unwrap_err().hint.unwrap().contains("file"));
        assert!(split(&Outgoing::text(" \n")).is_err());
    }

    #[test]
    fn code_that_is_cut_is_code_in_both_pieces() {
        assert_eq!(fenced(vec!["```x``` y\nz".to_owned()]), ["```x``` y\nz"]);
        let cut = ["a\n```rust\nb", "c", "d\n```\ne"].map(str::to_owned).to_vec();
        assert_eq!(fenced(cut), ["a\n```rust\nb\n```", "```rust\nc\n```", "```rust\nd\n```\ne"]);
    }

    #[test]
    fn a_file_is_a_message_of_its_own_behind_the_words() {
        let file = Uploaded { key: "img_1".to_owned(), kind: UploadKind::Image };
        let said =
            Outgoing { files: vec![file.clone()], ..Outgoing::text("look").calling(vec![someone("Ann")]) };
        let words = Outgoing::text("look").calling(vec![someone("Ann")]);
        assert_eq!(split(&said).unwrap(), [words, Outgoing::file(file)]);
        assert!(split(&Outgoing::of(Body::Empty)).is_err());
    }

    #[test]
    fn many_who_are_called_in_front_are_called_in_several_messages() {
        let many: Vec<Addressee> =
            (0..1000).map(|number| someone(&format!("a_rather_long_name_{number}"))).collect();
        let parts = split(&Outgoing::markdown("hi").calling(many.clone())).unwrap();
        assert!(parts.len() > 1);
        let called: Vec<Addressee> = parts.iter().flat_map(|part| part.mentions.clone()).collect();
        assert_eq!(called, many);
        for part in parts {
            assert!(cost_of(&compose(&part).unwrap().content) < 30_000);
        }
    }

    proptest! {
        #[test]
        fn parts_say_and_call_what_the_whole_does_each_within_the_limit(
            text in "([a-z\u{4f60}<\" ]|@Ann|@An|# |`|\n|\n\n|<at id=1>){0,200}",
            called in proptest::sample::subsequence(vec!["Ann", "An", "Li"], 0..=3),
            marked in any::<bool>(), budget in 200usize..300,
        ) {
            let mentions: Vec<Addressee> = called.iter().map(|name| someone(name)).collect();
            let long = Long { text: &text, mentions: &mentions, marked };
            let Ok(parts) = long.parts(budget) else { return Ok(()) };
            let whole = spoken(&text, &mentions, marked).unwrap();
            let spoken: Vec<String> =
                parts.iter().map(|part| spoken(part.prose().unwrap(), &part.mentions, marked).unwrap()).collect();
            // Marks of code that are repeated, and tags, stand beside the words; `<` alone at the end of a part is no
            // tag, and where code is torn in a name, what is left of it may be one.
            let bare = |text: &str| {
                let text = mentions.iter().fold(text.replace("&lt;", "<"), |text, who| text.replace(&tag(who), ""));
                let words = |c: &char| !c.is_whitespace() && !matches!(c, '`' | '#' | '@' | 'A' | 'n');
                text.chars().filter(words).collect::<String>()
            };
            if !text.contains("```") {
                prop_assert_eq!(bare(&spoken.concat()), bare(&whole));
            }
            for who in &mentions {
                let called = spoken.iter().any(|part| part.contains(&tag(who)));
                prop_assert!(called, "{} in {:?}", who.name, spoken);
            }
            // Code that is cut within a line is none in its parts, and a name in it calls there.
            for part in spoken.iter().filter(|_| !text.contains('`')) {
                prop_assert!(cost_of(part) <= budget, "{part:?}");
            }
        }
    }
}
