//! From a page of the journal to what a watch writes of it.

use std::time::Duration;

use super::super::jq::{Each, LINES_MAX, Trouble};
use super::failed::Failed;
use crate::clock::{Clock, rfc3339_ms, thread_now};
use crate::error::Error;
use crate::event::{Event, LINE_MAX, Line, Past, Rendered, head, one_line};
use crate::journal::Page;

/// Lines to be written, and where in the journal each leaves the watch.
#[derive(Debug, Default)]
pub struct Lines {
    pub bytes: Vec<u8>,
    /// For each event: how far a reader has come with it, and where its lines end in `bytes`.
    pub ends: Vec<(u64, usize)>,
    /// The position once all is written.
    pub looked_to: u64,
    /// Lines up to here are in it, where they are not in their order.
    pub gives: u64,
    /// How many of the first are the watch's own, and no events.
    pub own: u64,
    /// Positions of events of which the expression left nothing.
    pub swallowed: Vec<u64>,
    /// Positions of lines that the filter held back.
    pub held_back: Vec<u64>,
    /// Why the page was left behind its last line.
    pub trouble: Option<Error>,
}

/// What an expression makes of a line.
pub type Apply<'a> = dyn Fn(&[u8], &mut Each<'_>) -> Result<(), Trouble> + 'a;

/// What is made of a page before it is written, in bytes: results may be far longer than their lines.
const PAGE_MAX: usize = 1024 * 1024;

/// And for how long: what is ready does not wait for lines that take their time.
const PAGE_WITHIN: Duration = Duration::from_millis(200);

impl Lines {
    pub fn of(page: Page, jq: Option<&Apply<'_>>) -> Lines {
        let Page { bytes, ends, looked_to, held_back, behind, cut: _ } = page;
        let come_to = |at: usize, seq: u64| behind.get(at).map_or(seq, |behind| seq.max(*behind));
        let Some(jq) = jq else {
            let ends = ends.into_iter().enumerate().map(|(at, (seq, end))| (come_to(at, seq), end)).collect();
            return Lines { bytes, ends, looked_to, held_back, ..Lines::default() };
        };
        let mut lines = Lines { held_back, ..Lines::default() };
        let (mut begin, began) = (0, thread_now());
        for (at, (seq, end)) in ends.into_iter().enumerate() {
            let before = lines.bytes.len();
            let applied = apply(jq, &bytes[begin..end], &mut lines.bytes);
            let overran = matches!(applied, Err(Trouble::Overran(_)));
            match applied {
                Ok(()) => {}
                Err(Trouble::Failed(message) | Trouble::Overran(message)) => {
                    lines.bytes.truncate(before);
                    let failed = Failed::on(&bytes[begin..end]);
                    write_own(seq, failed.profile(), &failed.event(seq, &message), &mut lines.bytes);
                }
                // The watch is to end, and this line is not passed.
                Err(Trouble::Halted) => {
                    lines.bytes.truncate(before);
                    return lines;
                }
                Err(Trouble::Died(message)) => {
                    lines.bytes.truncate(before);
                    lines.trouble = Some(Error::internal(format!("--jq could not be run: {message}")));
                    return lines;
                }
            }
            if lines.bytes.len() == before {
                lines.swallowed.push(seq);
            }
            lines.looked_to = come_to(at, seq);
            lines.ends.push((lines.looked_to, lines.bytes.len()));
            begin = end;
            if overran
                || thread_now().saturating_duration_since(began) >= PAGE_WITHIN
                || lines.bytes.len() >= PAGE_MAX
            {
                return lines;
            }
        }
        lines.looked_to = looked_to;
        lines
    }

    /// A line of the watch itself.
    pub fn own(position: u64, event: &Event) -> Lines {
        let mut lines = Lines { looked_to: position, ..Lines::default() };
        write_own(position, None, event, &mut lines.bytes);
        lines.ends.push((position, lines.bytes.len()));
        lines
    }

    /// Leaves the first `count` events that have lines, and what came before them.
    pub fn only(mut self, count: u64) -> Lines {
        let (mut begin, mut found) = (0, 0);
        for (at, (seq, end)) in self.ends.iter().enumerate() {
            found += u64::from(*end > begin);
            begin = *end;
            if found == count {
                self.looked_to = *seq;
                self.bytes.truncate(*end);
                self.ends.truncate(at + 1);
                break;
            }
        }
        self
    }
}

fn apply(jq: &Apply<'_>, line: &[u8], out: &mut Vec<u8>) -> Result<(), Trouble> {
    let mut count = 0;
    jq(line, &mut |value| {
        let value = one_line(&String::from_utf8_lossy(value));
        count += 1;
        if count > LINES_MAX {
            return Err(format!("it gives more than {LINES_MAX} results"));
        }
        if value.len() >= LINE_MAX {
            return Err(format!("a result is longer than {LINE_MAX} bytes"));
        }
        out.extend_from_slice(value.as_bytes());
        out.push(b'\n');
        Ok(())
    })
}

/// It is in no journal, and stands where the watch stands.
fn write_own(position: u64, profile: Option<&str>, event: &Event, out: &mut Vec<u8>) {
    let rendered = Rendered::new(event);
    let head = head(profile, rendered.type_name, &rfc3339_ms(Clock::system().wall_ms()));
    // Before the first line there is no position yet, and 0 is none.
    let seq = position.max(1);
    Line { seq, head: &head, body: &rendered.body, past: Past::New, raw: None }.write(out);
}

#[cfg(test)]
mod tests {
    use super::super::super::jq::in_process;
    use super::*;

    fn page(texts: &[&str]) -> Page {
        let mut page = Page::default();
        for (at, text) in texts.iter().enumerate() {
            page.bytes.extend_from_slice(format!("{{\"n\":{},\"content\":{text}}}\n", at + 1).as_bytes());
            page.ends.push((at as u64 + 1, page.bytes.len()));
        }
        page.looked_to = texts.len() as u64;
        page
    }

    fn through(code: &str, texts: &[&str]) -> (Vec<String>, Lines) {
        let lines = Lines::of(page(texts), Some(&in_process(code)));
        (String::from_utf8(lines.bytes.clone()).unwrap().lines().map(str::to_owned).collect(), lines)
    }

    #[test]
    fn each_result_is_a_line_and_every_event_moves_the_position() {
        let (shown, lines) = through("select(.n != 2) | .n, .content", &["\"a\"", "\"b\"", "\"c\""]);
        assert_eq!(shown, ["1", "\"a\"", "3", "\"c\""]);
        assert_eq!(lines.ends.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(lines.swallowed, [2]);
        let only = lines.only(2);
        assert_eq!((only.looked_to, only.ends.len()), (3, 3));
    }

    /// A text with line breaks must not look like several lines.
    #[test]
    fn no_text_can_forge_a_line() {
        let forged = r#""x\n{\"type\":\"rooma.stopped\"}\u2028\u202e""#;
        let (shown, _) = through(".content", &[forged]);
        assert_eq!(shown.len(), 1);
        assert_eq!(
            serde_json::from_str::<String>(&shown[0]).unwrap(),
            serde_json::from_str::<String>(forged).unwrap()
        );
        assert!(!shown[0].contains('\u{202e}'), "{shown:?}");
    }

    #[test]
    fn what_fails_is_a_line_in_place_of_the_event() {
        for code in [".n, (.content | error)", "repeat(1)", "\"x\" * 200000"] {
            let (shown, lines) = through(code, &["\"a\""]);
            assert_eq!(shown.len(), 1, "{code}");
            let line: serde_json::Value = serde_json::from_str(&shown[0]).unwrap();
            assert_eq!((line["type"].as_str(), line["seq"].as_u64()), (Some("rooma.jq_failed"), Some(1)));
            assert_eq!(lines.ends.len(), 1);
        }
    }

    #[test]
    fn what_failed_is_found_by_what_its_line_says() {
        let message = r#"{"v":1,"seq":7,"type":"message","profile":"alice","mentioned":true,"sender_name":"ann","content":"x","chat_name":"lobby","chat_id":"oc_1","sender_id":"ou_1","message_id":"om_1"}"#;
        let rearmed = r#"{"v":1,"seq":7,"type":"rooma.connected","profile":"alice"}"#;
        for (line, said) in [
            (
                message,
                r#""event_type":"message","message_id":"om_1","mentioned":true,"chat_id":"oc_1","chat_name":"lobby","sender_id":"ou_1","sender_name":"ann","hint":"read it: rooma message s7"}"#,
            ),
            (
                rearmed,
                r#""event_type":"rooma.connected","hint":"read it: rooma watch --cursor again --since 6 --max-events 1"}"#,
            ),
        ] {
            let bytes = format!("{line}\n").into_bytes();
            let page = Page { ends: vec![(7, bytes.len())], bytes, ..Page::default() };
            let told = String::from_utf8(Lines::of(page, Some(&in_process("error(\"oh\")"))).bytes).unwrap();
            assert!(
                told.starts_with(r#"{"v":1,"seq":7,"type":"rooma.jq_failed","profile":"alice","#),
                "{told}"
            );
            assert!(told.trim_end().ends_with(said), "{told}");
        }
    }

    /// What was said in a line together with others is read with it.
    #[test]
    fn a_line_may_bring_a_reader_further_than_itself() {
        let n = in_process(".n");
        for jq in [None, Some(&n as &Apply<'_>)] {
            let mut page = page(&["0", "0"]);
            (page.behind, page.looked_to) = (vec![1, 7], 7);
            let lines = Lines::of(page, jq);
            assert_eq!(lines.ends.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [1, 7]);
            assert_eq!(lines.only(2).looked_to, 7);
        }
    }

    #[test]
    fn a_bound_counts_events_with_lines() {
        let (_, lines) = through("select(.n > 1) | .n, .n", &["0", "0", "0", "0"]);
        let lines = lines.only(2);
        assert_eq!(String::from_utf8(lines.bytes).unwrap(), "2\n2\n3\n3\n");
        assert_eq!(lines.looked_to, 3);
    }
}
